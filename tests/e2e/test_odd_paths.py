"""A checkout may lie anywhere: its path goes through command lines of buildx that are like CSV."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

ODD = [
    "a, b",
    'with "quotes"',
    "it's",
    "key=value,src=x",
    "new\nline",
    "tab\tand $HOME `x` #1 %20 ü\\n",
    '"all", of=it\n',
]


@pytest.mark.parametrize("folder", ODD)
def test_a_checkout_builds_whatever_its_path_is(
    lab: Lab, upstream: str, tmp_path: Path, folder: str
) -> None:
    """With a secret, a named context, a kept stage and package sources; then it is up to date."""
    name = f"t{uuid.uuid4().hex[:8]}"
    space = Workspace(lab, tmp_path / folder / "repo", name)
    space.write(
        {
            "images.toml": f"""\
version = 1
[project]
name = "{name}"
[images.app]
context = "app, x"
tag = "{name}-app"
push_stages = ["deps"]
secrets = ["word"]
contexts = {{ more = "more = x" }}
[secrets.word]
file = "the word"
""",
            "dodo.py": "from layers.tasks import *\n",
            "the word": "hush\n",
            "more = x/m,1": "m\n",
            "app, x/Dockerfile": f"""\
FROM {upstream} AS deps
RUN --mount=type=secret,id=word cp /run/secrets/word /word
FROM deps
COPY ["a b,c", "/a"]
COPY --from=more m,1 /m
CMD cat /word /a /m
""",
            "app, x/a b,c": "a\n",
        }
    )
    space.doit("app")
    assert lab.docker("run", "--rm", space.tag("app")).split() == ["hush", "a", "m"]
    assert space.states() == {"app": "fresh"}
    space.write({"app, x/a b,c": "A\n"})
    space.doit("app")
    assert lab.docker("run", "--rm", space.tag("app")).split() == ["hush", "A", "m"]
