"""The stacks' images that are assembled: an edit of their code meets nothing that has to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.plan.tails import tail_of, trunk_of
from layers.project.project import Project

CHECKOUT = Path(__file__).parents[2]
CODE = {
    "pose-service": {"app.py", "pose.py", "smpl.py"},
    "backend-api": {"src"},
    "safety-backend": {"app.py", "detector.py", "frames.py", "settings.py"},
    "postura-cpu": {"pose", "scripts"},
    "postura-gpu": {"pose", "scripts"},
}


@pytest.fixture(scope="module")
def project() -> Project:
    return Project(str(CHECKOUT), profile="local")


def test_those_with_code_of_their_own_are_assembled(project: Project) -> None:
    """The frontends' code is compiled by a step that runs."""
    assert {name for name, image in project.spec.images.items() if image.assemble} == set(CODE)


@pytest.mark.parametrize("name", CODE)
def test_code_comes_after_the_last_step_that_runs(project: Project, name: str) -> None:
    inputs = project.inputs
    found = tail_of(inputs, Layer(name))
    assert not found.obstacle
    copied = {
        source.rstrip("/").removeprefix("./")
        for part in found.division.tail
        for item in part.stage.instructions[part.first :]
        if item.keyword == "COPY"
        for source in item.words[:-1]
    }
    assert copied == CODE[name]
    if found.inside:
        below = {entry.name for entry in trunk_of(inputs, Layer(name), found).manifest.entries}
        assert below
        assert not copied & below


@pytest.mark.parametrize("name", CODE)
def test_each_stands_on_an_image_that_goes_to_the_registry(project: Project, name: str) -> None:
    parent = tail_of(project.inputs, Layer(name)).parent
    assert parent is not None
    image = project.spec.images[parent.image]
    assert parent.stage in image.push_stages if parent.stage else image.push
