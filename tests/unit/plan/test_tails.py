"""What of a layer comes after the last step that runs, and on what it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.plan.tails import Tail, tail_of
from layers.project.project import Project

TOML = """\
version = 1
[project]
name = "t"
[images.base]
context = "base"
[images.app]
context = "app"
"""


def tails(folder: Path, dockerfile: str, stage: str | None = None) -> Tail:
    """The tail of an image whose Dockerfile is given, in a project with a base."""
    for name, text in (("base", "FROM scratch\nCOPY f /\n"), ("app", dockerfile)):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text(text)
        (folder / name / "f").write_text("f")
    kept = 'push_stages = ["deps"]\n' if "AS deps" in dockerfile else ""
    (folder / "images.toml").write_text(TOML + kept)
    return tail_of(Project(str(folder)).inputs, Layer("app", stage))


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
        ("FROM base AS one\nRUN x\nFROM one\nCOPY f /\n", None, None, "RUN in line 2"),
        ("FROM base AS deps\nARG X\nRUN x\nFROM deps\nCMD x\n", None, None, "RUN in line 3"),
        ("FROM base AS deps\nFROM base\nCOPY --from=deps /f /\n", None, None, "COPY in line 3"),
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
