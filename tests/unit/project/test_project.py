"""A project under other build args than its images.toml has."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.project.project import Project

SPEC = """\
version = 1
[project]
name = "p"
[images.base]
context = "base"
tag = "p-base"
[images.app]
context = "app"
args = { A = "1" }
"""
APP = """\
ARG BASE=base
ARG GONE=no
FROM ${BASE} AS deps
RUN echo deps
FROM deps
ARG A
ARG B=2
RUN echo $A$B
"""


@pytest.mark.parametrize(
    ("stage", "args", "same"),
    [
        (None, {}, True),
        (None, {"A": "1"}, True),
        (None, {"A": "3"}, False),
        (None, {"B": "2"}, True),
        (None, {"B": "3"}, False),
        (None, {"NOBODY_ASKS": "x"}, True),
        (None, {"BASE": "p-base:latest"}, True),
        (None, {"BASE": "scratch"}, False),
        (None, {"BASE": "::"}, False),
        ("deps", {"A": "3"}, True),
        ("deps", {"BASE": "scratch"}, False),
    ],
)
def test_args_that_change_nothing_are_known_by_the_key(
    tmp_path: Path, stage: str | None, args: dict[str, str], same: bool
) -> None:
    """Those that say what the Dockerfile says anyway, or that no stage asks for."""
    for path, text in (
        ("images.toml", SPEC),
        ("base/Dockerfile", "FROM scratch\nCOPY a /a\n"),
        ("base/a", "a"),
        ("app/Dockerfile", APP),
    ):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    project = Project(str(tmp_path))
    key = project.inputs.key(Layer("app", stage))
    assert project.stays(Layer("app", stage), args) is same
    assert project.inputs.key(Layer("app", stage)) == key
    assert Project(str(tmp_path)).inputs.key(Layer("app", stage)) == key
