"""The snowboard repository as its authors have it, in its shapes: list, check, builds, compose.

Bases and services are built in the whole repository, in `backend`, and in a folder inside that;
Dockerfiles say ``as``, name a base with ``:latest`` or through an ARG that compose gives; a step
is a document behind a blank; what git ignores is in the image.  Small images stand for upstreams.
"""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from hashes.dockerfile.frontend import Frontend, of_docker
from tests.e2e.lab import Lab, Workspace
from tests.e2e.test_names import contents

pytestmark = pytest.mark.e2e

SPEC = """\
version = 1

[project]
name = "NAME"

[images.base-python-pose]
context = "."
dockerfile = "backend/docker/base-python-pose/Dockerfile"
push = true

[images.base-node]
context = "."
dockerfile = "backend/docker/base-node/Dockerfile"
push = true

[images.backend-api]
context = "backend"
tag = "snowboard-backend-api"

[images.pose-service]
context = "backend/pose-service"
tag = "snowboard-pose-service"
args = { BASE_IMAGE = "base-python-pose:latest" }
push = true
push_stages = ["deps"]

[upstream]
"nvidia/cuda:12.1.1-runtime-ubuntu22.04" = "UPSTREAM"
"node:18-alpine" = "UPSTREAM"

[stacks.snowboard]
compose = ["docker-compose.yml"]
"""
POSE_BASE = """\
FROM nvidia/cuda:12.1.1-runtime-ubuntu22.04

ENV DEBIAN_FRONTEND=noninteractive \\
    PYTHONUNBUFFERED=1

COPY backend/pose-service/requirements.txt /tmp/requirements.txt
RUN sh - << 'EOF'
set -e
echo "patched for $PYTHONUNBUFFERED" > /patched
EOF

RUN sh - << 'EOF'
cat /patched /tmp/requirements.txt > /checked
EOF
"""
FILES = {
    "images.toml": SPEC,
    "dodo.py": "from layers.tasks import DOIT_CONFIG, task_layers\n",
    ".gitignore": "data/\n.layers/\n*.log\n",
    "docker-compose.yml": """\
services:
  pose-service:
    build:
      context: ./backend/pose-service
      args:
        BASE_IMAGE: base-python-pose:latest
    volumes:
      - ./backend/pose-service/data:/data
  backend-api:
    build:
      context: ./backend
      dockerfile: Dockerfile
    image: snowboard-backend-api:latest
    depends_on: [pose-service]
""",
    "backend/docker/base-python-pose/Dockerfile": POSE_BASE,
    "backend/docker/base-node/Dockerfile": "FROM node:18-alpine\nWORKDIR /app\nENV RUN=UNIQUE\n",
    "backend/Dockerfile": """\
FROM base-node:latest as deps
COPY package*.json ./
RUN cp package.json installed
from deps as build
COPY . .
RUN cat server.js > dist.js
FROM node:18-alpine as runtime
COPY --from=build /app/dist.js /app/dist.js
COPY --from=deps /app/installed /app/installed
EXPOSE 3001
CMD ["cat", "/app/dist.js"]
""",
    "backend/.dockerignore": "**/*.log\npose-service/data\n",
    "backend/package.json": '{"name": "backend"}\n',
    "backend/server.js": "api 1\n",
    "backend/pose-service/Dockerfile": """\
ARG BASE_IMAGE=base-python-pose
FROM ${BASE_IMAGE} as deps
COPY requirements.txt /requirements.txt
RUN cat /checked /requirements.txt > /installed

FROM deps as build
COPY . /app
RUN test -s /app/data/smpl.pkl

FROM base-python-pose:latest as runtime
COPY --from=deps /installed /installed
COPY --from=build /app /app
CMD ["cat", "/app/app.py"]
""",
    "backend/pose-service/requirements.txt": "torch==2.0.1\n# UNIQUE\n",
    "backend/pose-service/app.py": "pose 1\n",
    "backend/pose-service/data/smpl.pkl": "not in git\n",
    "backend/pose-service/run.log": "noise\n",
}
IMAGES = ("base-python-pose", "base-node", "backend-api", "pose-service")
TAGS = ("base-python-pose", "base-node", "snowboard-backend-api", "snowboard-pose-service")
BLANK = "backend/docker/base-python-pose/Dockerfile:7: "


@pytest.fixture(scope="module")
def snow(lab: Lab, upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """That repository in git; its keys are no other run's."""
    work = Workspace(lab, tmp_path_factory.mktemp("snow") / "repo", "snow")
    words = {"NAME": work.name, "UPSTREAM": upstream, "UNIQUE": uuid.uuid4().hex}
    files = dict(FILES)
    for word, text in words.items():
        files = {path: content.replace(word, text) for path, content in files.items()}
    work.write(files)
    for git in (
        ("init", "-q"),
        ("add", "."),
        ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"),
    ):
        subprocess.run(["git", *git], cwd=work.root, check=True)
    lab.docker("pull", upstream)
    lab.docker("tag", upstream, "nvidia/cuda:12.1.1-runtime-ubuntu22.04")
    lab.docker("tag", upstream, "node:18-alpine")
    yield work
    work.doit("down", "snowboard", status=None)
    lab.docker(
        "image", "rm", "nvidia/cuda:12.1.1-runtime-ubuntu22.04", "node:18-alpine", check=False
    )


@pytest.fixture(scope="module")
def reads_documents(lab: Lab) -> bool:
    """Whether the engine's frontend takes a document behind a blank."""
    found = of_docker(lab.docker("version", "--format", "{{.Server.Version}}"))
    assert found is not None
    return found >= Frontend((1, 16))


def test_every_image_is_listed_with_what_it_is_made_from(snow: Workspace) -> None:
    """Edges through ``:latest`` and an ARG; no file that git ignores is missed."""
    states = dict.fromkeys((*IMAGES, "pose-service:deps"), "build")
    assert snow.states() == states | {"base-node": "assemble"}
    told = json.loads(snow.doit("keys", "--json").out)["images"]
    assert [*told] == [*IMAGES]
    listed = snow.doit("keys", "--inputs", "pose-service").out
    assert "data/smpl.pkl" in listed
    assert (
        "run.log" in listed
    )  # pose-service has no ignore file of its own, as its authors' has not
    assert "pose-service/data" not in snow.doit("keys", "--inputs", "backend-api").out
    before = told["pose-service"]["key"]
    snow.edit("backend/pose-service/data/smpl.pkl", "not in git", "another")
    assert json.loads(snow.doit("keys", "--json").out)["images"]["pose-service"]["key"] != before
    snow.edit("backend/pose-service/data/smpl.pkl", "another", "not in git")


def test_the_checks_call_nothing_an_error(snow: Workspace) -> None:
    """Their projects build every day."""
    found = json.loads(snow.doit("check", "--json").out)["findings"]
    assert [each for each in found if each["severity"] == "error"] == []


def test_a_frontend_that_is_older_than_a_file_is_told_before_a_build(
    snow: Workspace, reads_documents: bool
) -> None:
    """With the line and the way out; what does not stand on it is made."""
    if reads_documents:
        pytest.skip("this engine takes it")
    run = snow.doit(status=1)
    assert set(snow.ran()) == {"backend-api"}
    assert "[base-node] assembled in" in run.out
    assert BLANK in run.err
    assert "needs frontend 1.16" in run.err
    assert "write '<<EOF', without a blank" in run.err


def mend(snow: Workspace, reads_documents: bool) -> None:
    """Do what the refusal says, where the engine is too old for the file."""
    if not reads_documents:
        snow.write({"backend/docker/base-python-pose/Dockerfile": POSE_BASE.replace("<< ", "<<")})


def test_images_are_those_of_plain_builds(snow: Workspace, reads_documents: bool) -> None:
    """In the order of the authors' own commands, with the very files; nothing is left to do."""
    mend(snow, reads_documents)
    snow.doit()
    assert set(snow.states().values()) == {"fresh"}
    made = {tag: contents(snow.lab, f"{tag}:latest") for tag in TAGS}
    assert "app/data/smpl.pkl" in made["snowboard-pose-service"]
    for words in (
        ("--tag=base-python-pose", "--file=backend/docker/base-python-pose/Dockerfile", "."),
        ("--tag=base-node", "--file=backend/docker/base-node/Dockerfile", "."),
        ("--tag=snowboard-backend-api", "backend"),
        (
            *("--tag=snowboard-pose-service", "--build-arg=BASE_IMAGE=base-python-pose:latest"),
            "backend/pose-service",
        ),
    ):
        *flags, context = words
        file = [each.replace("--file=", f"--file={snow.root}/") for each in flags]
        snow.lab.docker("buildx", "build", "--provenance=false", *file, f"{snow.root}/{context}")
    assert {tag: contents(snow.lab, f"{tag}:latest") for tag in TAGS} == made


def test_compose_runs_the_images_that_it_describes(snow: Workspace, reads_documents: bool) -> None:
    """By context and args, without a name for one of them; an edit makes one image anew."""
    mend(snow, reads_documents)
    snow.edit("backend/pose-service/app.py", "pose 1", "pose 2")
    told = json.loads(snow.doit("up", "--json", "snowboard").out)
    (stack,) = told["stacks"]
    layers = {one["name"]: one["layer"] for one in stack["services"]}
    assert layers == {"pose-service": "pose-service", "backend-api": "backend-api"}
    logs = {
        one["name"]: snow.lab.docker("logs", one["container"]).strip() for one in stack["services"]
    }
    assert logs == {"pose-service": "pose 2", "backend-api": "api 1"}
