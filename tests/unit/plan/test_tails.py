"""What of a layer comes after the last step that runs, and on what it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.plan.origins.whole import trunk_keys
from layers.plan.tails import Tail, in_the_way, tail_of, trunk_of
from layers.project.project import Project

TOML = """\
version = 1
[project]
name = "t"
assemble = true
[images.base]
context = "base"
[images.app]
context = "app"
"""


def tails(folder: Path, dockerfile: str, stage: str | None = None) -> Tail:
    """The tail of an image whose Dockerfile is given, in a project with a base."""
    kept = 'push_stages = ["deps"]\n' if "AS deps" in dockerfile else ""
    return tail_of(project(folder, dockerfile, kept).inputs, Layer("app", stage))


def project(folder: Path, dockerfile: str, more: str = "") -> Project:
    """A project with a base and an image whose Dockerfile is given."""
    for name, text in (("base", "FROM scratch\nCOPY f /\n"), ("app", dockerfile)):
        (folder / name).mkdir(parents=True)
        (folder / name / "Dockerfile").write_text(text)
        for file in "fg":
            (folder / name / file).write_text(file)
    (folder / "images.toml").write_text(TOML + more)
    return Project(str(folder))


@pytest.mark.parametrize(
    ("dockerfile", "stage", "base", "obstacle"),
    [
        ("FROM base\nCOPY f /\n", None, Layer("base"), ""),
        ("FROM debian:12\nCOPY f /\n", None, "debian:12", ""),
        ("FROM scratch\nCOPY f /\n", None, None, ""),
        ("FROM base AS one\nENV A=1\nFROM one\nCOPY f /\n", None, Layer("base"), ""),
        ("FROM base AS deps\nRUN x\nFROM deps\nCOPY f /\n", None, Layer("app", "deps"), ""),
        ("FROM base AS deps\nRUN x\nFROM deps\nCOPY f /\n", "deps", None, "RUN in line 2"),
        ("FROM base AS deps\nENV A=1\nFROM deps\nRUN x\n", "deps", Layer("base"), ""),
        ("FROM base AS one\nRUN x\nFROM one\nRUN y\n", None, None, "RUN in line 4"),
        (
            "FROM base AS deps\nFROM base\nCOPY --from=deps /f /\n",
            None,
            None,
            "COPY --from=deps in line 3",
        ),
        ('FROM base\nVOLUME ["/a"] b\nRUN x\nCOPY f /\n', None, None, "RUN in line 3"),
    ],
)
def test_a_tail_stands_on_an_image(
    tmp_path: Path, dockerfile: str, stage: str | None, base: Layer | str | None, obstacle: str
) -> None:
    """A kept stage is an image, unless it lends its arguments to what is made from it."""
    found = tails(tmp_path, dockerfile, stage)
    stands = found.parent or (found.edge.text if found.edge is not None else None)
    assert stands == base
    assert found.obstacle[: len(obstacle)] == obstacle
    assert bool(found.obstacle) == bool(obstacle)


@pytest.mark.parametrize(
    ("dockerfile", "stage", "ends"),
    [
        ("FROM base\nRUN x\nCOPY f /\n", None, "FROM base\nRUN x\n"),
        ("FROM base AS one\nRUN x\nFROM one\nCOPY f /\n", None, "FROM base AS one\nRUN x\n"),
        (
            "FROM base AS deps\nARG X\nRUN x\nENV A=1\nFROM deps\nCMD x\n",
            None,
            "FROM base AS deps\nARG X\nRUN x\n",
        ),
        (
            "FROM base AS deps\nRUN x\nFROM deps\nRUN y\nCMD x\n",
            None,
            "FROM base AS deps\nRUN x\nFROM deps\nRUN y\n",
        ),
        ("FROM base AS deps\nRUN x\nCMD x\nFROM deps\n", "deps", "FROM base\nRUN x\n"),
        (
            "FROM base AS one\nFROM base\nCOPY --from=one /f /\nCOPY f /\n",
            None,
            "FROM base AS one\nFROM base\nCOPY --from=one /f /\n",
        ),
    ],
)
def test_a_tail_stands_on_steps_of_its_own(
    tmp_path: Path, dockerfile: str, stage: str | None, ends: str
) -> None:
    """These have the key of a Dockerfile that ends there."""
    whole = project(tmp_path / "whole", dockerfile).inputs
    found = tail_of(whole, Layer("app", stage))
    assert (found.inside, found.obstacle) == (True, "")
    short = project(tmp_path / "short", ends).inputs
    trunk = trunk_of(whole, Layer("app", stage), found)
    assert trunk.manifest.key() == short.key(Layer("app"))
    assert trunk.manifest.key() in trunk_keys(whole, "app") or stage is not None
    assert trunk_keys(whole, "base") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("FROM base\nCOPY f /f\nRUN x\nCOPY g /\n", "RUN in line 3 comes after COPY of f:"),
        ("FROM base\nCOPY . /f\n\nRUN x\nRUN y\nCMD z\n", "RUN in line 4 comes after COPY of f:"),
        ("FROM base\nRUN x\nCOPY f /f\nADD https://e.org/x /\nCMD z\n", "ADD in line 4 comes"),
        ("FROM base\nCOPY g /g\nRUN x\nCOPY f /\n", ""),
    ],
)
def test_the_line_in_the_way_of_an_edit_is_named(tmp_path: Path, text: str, told: str) -> None:
    """The first step that runs after the file came in."""
    app = Layer("app")
    old = project(tmp_path, text)
    before = old.record(app)
    (tmp_path / "app" / "f").write_text("edited")
    new = Project(str(tmp_path))
    found = tail_of(new.inputs, app)
    trunk = trunk_of(new.inputs, app, found).manifest
    assert in_the_way(before, found, trunk)[: len(told) or None] == told
