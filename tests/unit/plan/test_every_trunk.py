"""Every way to divide an image has a key for its trunk, whatever its Dockerfile says."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.plan.origins.whole import trunk_keys
from layers.plan.tails import tails_of, trunk_of
from layers.project.project import Project

APP = Layer("app")
SPEC = """\
version = 1
[project]
name = "demo"
registry = "127.0.0.1:5000"
[images.app]
context = "app"
push = true
"""


@pytest.mark.parametrize("before", ["", "RUN x\n"])
@pytest.mark.parametrize(
    "step",
    [
        "RUN y",
        "COPY f /x/.",
        "COPY f ..",
        "COPY --parents f /x",
        "COPY --link --chown=1 f /x/",
        "COPY --from=other /a /b",
        "COPY --from=one /f /g",
        "ADD https://example.com/a /a",
        "ADD f /x/.",
        "COPY <<E /x/.\ntext\nE",
        "ENV A=1",
        "WORKDIR /w",
    ],
)
def test_a_trunk_can_end_after_any_step_that_may_have_to_run(
    tmp_path: Path, before: str, step: str
) -> None:
    """Asked by every plan, as images of which nobody said anything may be assembled, too."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "f").write_text("f\n")
    (tmp_path / "images.toml").write_text(SPEC)
    text = f"FROM debian:12 AS one\nCOPY f /f\nFROM one\n{before}COPY f /e\n{step}\nCOPY f /z\n"
    (tmp_path / "app" / "Dockerfile").write_text(text)
    inputs = Project(str(tmp_path)).inputs
    inside = [each for each in tails_of(inputs, APP) if each.inside]
    assert all(str(trunk_of(inputs, APP, each).layer).startswith("app:+") for each in inside)
    assert bool(inside) is bool(before or not step.startswith(("ENV", "WORKDIR")))
    trunk_keys(inputs, "app")
