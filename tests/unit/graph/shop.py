"""A shop of two images, edited as a person would, and what is told of it."""

from __future__ import annotations

from pathlib import Path

from layers.graph.graph import Layer
from layers.plan.explain import Explanation, explanation
from layers.plan.session import Session
from layers.project.project import Project

APP = Layer("app")
FILES = {
    "images.toml": """\
version = 1

[project]
name = "shop"
platform = "linux/amd64"

[images.base]
context = "base"

[images.app]
context = "app"
args = { MODE = "slow", API_TOKEN = "first-secret" }
contexts = { assets = "shared/assets" }
packages = "wheels"

[profiles.ci.images.app]
args = { MODE = "fast" }
network = "none"
""",
    "dodo.py": "from layers.tasks import DOIT_CONFIG, task_layers\n",
    "base/Dockerfile": "FROM debian:12\nRUN apt-get update\nCOPY ca.txt /ca.txt\n",
    "base/ca.txt": "1\n",
    "app/Dockerfile": """\
ARG MODE
FROM base AS deps
ARG API_TOKEN
COPY requirements.txt package.json package-lock.json /
RUN install

FROM deps AS build
ARG MODE
ARG LEVEL=1
COPY src /src
COPY --from=assets logo.svg /src/
COPY <<EOF /src/version
one
EOF
RUN make

FROM base AS runtime
ENV PORT=80
COPY --from=deps /lib /lib
COPY --from=build /out /out
USER nobody
CMD ["run"]
""",
    "app/requirements.txt": "torch==2.0.1\nnumpy==1.26.4\n",
    "app/package.json": '{"dependencies": {"express": "4.21.2"}}\n',
    "app/package-lock.json": """\
{"lockfileVersion": 3, "packages": {
"node_modules/express": {"version": "4.21.2", "integrity": "sha512-a"},
"node_modules/ms": {"version": "2.0.0", "integrity": "sha512-b"}}}
""",
    "app/src/main.py": "1\n",
    "app/src/old.py": "1\n",
    "app/src/notes.txt": "1\n",
    "app/.dockerignore": "*.log\n",
    "shared/assets/logo.svg": "1\n",
    "wheels/torch/setup.py": "1\n",
}


class Repository:
    """The shop, with its files edited as a person would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        at = self.root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def project(self, profile: str | None = None) -> Project:
        return Project(str(self.root), profile=profile)

    def remember(self, layer: Layer = APP) -> str:
        """Keep what is there now, as a build would, and say its key."""
        project = self.project()
        for each in dict.fromkeys((Layer("base"), APP, layer)):
            project.records.remember(project.inputs.key(each), project.record(each))
        return str(project.inputs.key(layer))

    def why(self, key: str, layer: Layer = APP, profile: str | None = None) -> Explanation:
        return explanation(Session.begin(self.project(profile)), layer, key)


def told(found: Explanation) -> list[str]:
    """Each cause as ``image: text``."""
    return [f"{cause.image}: {cause.change.text()}" for cause in found.causes]


D, TOML, REQ, NPM = "app/Dockerfile", "images.toml", "app/requirements.txt", "app/package-lock.json"
