"""``doit graph``: what it draws of a project, and where it writes that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from layers.graph.graph import Layer
from layers.picture.drawing import Arrow
from layers.picture.look import drawing, wanted
from layers.plan.names import LABEL_KEY
from layers.project.project import Project
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.terminal import on_a_terminal
from tests.unit.machines import begin

DIGEST = "sha256:" + "1" * 64
SPEC = """\
version = 1
[project]
name = "shop"
[images.base]
context = "base"
[images.api]
context = "api"
push_stages = ["deps"]
[images.bad]
context = "bad"
"""
BASE = f"FROM debian@{DIGEST}\n"
API = """\
FROM base AS deps
RUN make deps
FROM deps AS tests
RUN make tests
FROM nginx:alpine AS pages
FROM base
COPY --from=deps /a /a
COPY --from=pages /b /b
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An image on another, with stages, and one that nobody can read."""
    (tmp_path / "images.toml").write_text(SPEC)
    for name, text in (("base", BASE), ("api", API), ("bad", "FROM base\nRUM x\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
    return tmp_path


def drawn(root: Path, *names: str, everything: bool = False, built: tuple[str, ...] = ()) -> Any:
    """The drawing where the engine has some layers."""
    project = Project(str(root))
    engine = MemoryEngine(MemoryRegistry())
    for name in built:
        layer = Layer.parse(name)
        key = str(project.inputs.key(layer))
        engine.build(f"{layer.image}:{key}", name, {LABEL_KEY: key})
    layers = wanted(project, names, everything)
    return drawing(begin(project, engine, MemoryRegistry(), wanted=layers), names, everything)


def states(found: Any) -> dict[str, str]:
    return {box.name: box.state for box in found.boxes}


def test_images_with_upstreams_and_states(shop: Path) -> None:
    """Stages are folded into their images; what is wrong with one image is that one's."""
    found = drawn(shop, built=("base",))
    assert states(found) == {
        f"debian@{DIGEST}": "pinned",
        "base": "fresh",
        "nginx:alpine": "not pinned",
        "api": "build",
        "bad": "error",
    }
    arrows = [
        (each.source.split(" ")[-2:-1] or [each.source], each.target) for each in found.arrows
    ]
    assert arrows == [
        ([f"debian@{DIGEST}"], "base"),
        (["base"], "api"),
        (["nginx:alpine"], "api"),
    ]
    assert [each.whole for each in found.arrows] == [True, True, False]


def test_with_all_each_stage_on_the_way_is_a_box(shop: Path) -> None:
    """A stage that nothing needs is not on the way."""
    found = drawn(shop, everything=True, built=("base", "api:deps"))
    names = [box.name for box in found.boxes if box.kind != "upstream"]
    assert names == ["base", "api:deps", "api:pages", "api", "bad"]
    assert states(found)["api:deps"] == "fresh"
    assert Arrow("api:deps", "api", whole=False) in found.arrows
    assert Arrow("api:pages", "api", whole=False) in found.arrows
    assert Arrow("base", "api:deps") in found.arrows


def test_a_picture_of_one_image_has_all_that_it_is_made_from(shop: Path) -> None:
    """What nobody wants now is drawn, and told to be that."""
    found = drawn(shop, "api", built=("api",))
    assert states(found)["api"] == "fresh"
    assert states(found)["base"] == "not needed"
    assert "bad" not in states(found)


def doit(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DOCKER_HOST": "unix:///nowhere", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "doit", "graph", *words]
    return subprocess.run(
        command, cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_the_name_of_the_file_says_what_it_is(shop: Path) -> None:
    """Unless ``--format`` says otherwise; no engine is needed."""
    done = doit(shop, "-o", "graph.svg", "--all")
    assert done.returncode == 0, done.stderr
    assert "graph.svg: shop: 4 build, 1 error on 2 upstream images" in done.stderr
    assert ElementTree.parse(shop / "graph.svg").getroot().tag.endswith("svg")
    assert doit(shop, "-o", "graph.svg", "--format", "dot").returncode == 0
    assert (shop / "graph.svg").read_text().startswith("digraph ")


def test_json_has_nodes_and_edges(shop: Path) -> None:
    """The contract of ``doit graph --json``."""
    told = json.loads(doit(shop, "--json", "base").stdout)
    node = {"id": "base", "name": "base", "kind": "image", "state": "build"}
    assert told["nodes"][1] == node | {"size": None, "expected": None}
    edge = {"from": f"upstream debian@{DIGEST} linux/amd64", "to": "base", "whole": True}
    assert told["edges"][0].keys() == edge.keys()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("bse",), "'bse' is not an image of images.toml (did you mean 'base'?)"),
        (("api:deps",), "doit graph --all api shows its stages"),
        (("-o", "no/where.svg"), "no/where.svg cannot be written: No such file or directory"),
        (("--json", "--format", "dot"), "--json and --format say two things"),
        (("--format", "png"), "png"),
    ],
)
def test_mistakes_are_told_in_a_sentence(shop: Path, words: tuple[str, ...], told: str) -> None:
    """Status 1, and what to do."""
    done = doit(shop, *words)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_on_a_terminal_of_eighty_columns_it_fits(shop: Path) -> None:
    """In colour, with the words of the states."""
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "COLUMNS")}
    clean |= {"DOCKER_HOST": "unix:///nowhere", "PYTHONIOENCODING": "utf-8"}
    clean |= {"TERM": "xterm", "COLUMNS": "80"}
    told = on_a_terminal([sys.executable, "-m", "doit", "graph", "--all"], shop, clean)
    assert "\n\x1b[1mbad\x1b[0m  \x1b[31merror\x1b[0m\n" in told
    plain = [part.partition("m")[2] if n else part for n, part in enumerate(told.split("\x1b["))]
    assert max(map(len, "".join(plain).splitlines())) <= 80
