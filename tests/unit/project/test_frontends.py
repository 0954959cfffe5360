"""Which frontend reads a project's Dockerfiles: the engine is asked where it matters, else not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hashes import DockerfileError
from hashes.dockerfile.frontend import NEWEST, Frontend
from layers.build.parents import Parents
from layers.build.prepare import prepared
from layers.graph.contexts import Contexts
from layers.graph.graph import Layer
from layers.graph.inputs import Inputs
from layers.project.frontends import ask, last_asked
from layers.project.project import Project
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.unit.machines import APP, World, machine

DOCKER_26 = Frontend((1, 7))
SHIFT = "FROM scratch\nRUN echo $((1 << 4))\n"
TAIL = 'FROM scratch\nCOPY ["a","/x"] # c\n'
PARENTS = "FROM scratch\nCOPY --parents a /x\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A checkout whose Dockerfiles copy a file."""
    return machine(tmp_path, MemoryRegistry())


def write(world: World, text: str) -> None:
    """Give the app another Dockerfile."""
    Path(world.project.root, "app", "Dockerfile").write_text(text)


def inputs(world: World, frontend: Callable[[], Frontend | None]) -> Inputs:
    """The keys of the same files, with another answer about the engine."""
    project = world.project
    contexts = Contexts(project.root, project.cache, project.state)
    return Inputs(project.root, project.spec, project.lock, contexts, frontend)


def nobody() -> Frontend | None:
    """An engine that must not be asked."""
    raise AssertionError("asked")


@pytest.mark.parametrize("text", [PARENTS, "FROM scratch\nRUN cat << EOF\nx\nEOF\n"])
def test_no_engine_is_asked_for_what_the_newest_takes(world: World, text: str) -> None:
    """So an up-to-date run costs nothing more than before, and a key needs no engine."""
    write(world, text)
    found = inputs(world, nobody)
    assert found.dockerfile(world.project.spec.images["app"]).frontend == NEWEST
    assert found.key(APP)


@pytest.mark.parametrize("text", [SHIFT, TAIL])
def test_the_engine_is_asked_where_versions_differ(world: World, text: str) -> None:
    """Docker 26 takes both files; with nobody to ask the newest reads them, and refuses one."""
    write(world, text)
    image = world.project.spec.images["app"]
    older = inputs(world, lambda: DOCKER_26)
    assert older.dockerfile(image).frontend == DOCKER_26
    assert older.key(APP)
    if text == SHIFT:
        with pytest.raises(DockerfileError, match="unterminated heredoc"):
            inputs(world, lambda: None).dockerfile(image)


def test_a_file_that_names_its_frontend_needs_no_engine(world: World) -> None:
    """`# syntax` says who reads it."""
    write(world, "# syntax=docker/dockerfile:1.8\n" + TAIL)
    found = inputs(world, nobody).dockerfile(world.project.spec.images["app"])
    assert found.frontend == Frontend((1, 8))


def test_what_the_engine_does_not_take_is_told_before_a_build(world: World) -> None:
    """With file, line and remedy; the plan says it, and nothing is started."""
    world.engine.release = "28.5.2"
    write(world, PARENTS)
    step = world.step
    assert step.state == "build"
    assert step.problem.startswith("app/Dockerfile:2: --parents needs frontend 1.20")
    assert "read by 1.19" in step.problem
    assert "# syntax=" in step.problem
    with (
        pytest.raises(Exception, match="needs frontend"),
        prepared(world.run, step, Parents(world.run)),
    ):
        pass


def test_an_engine_that_takes_it_builds_it(world: World) -> None:
    """Docker 29.1 has what 28.5 has not."""
    world.engine.release = "29.1.0"
    write(world, PARENTS)
    assert world.step.problem == ""


def test_one_image_s_refusal_leaves_the_others(world: World) -> None:
    """Only what has to be built with it is stopped."""
    write(world, PARENTS)
    steps = world.run.planner.plan.steps
    assert steps[Layer("tool")].problem == ""
    assert steps[APP].problem


def test_what_is_there_is_not_looked_at(world: World) -> None:
    """A colleague with a newer engine built it; here it is pulled or used."""
    write(world, PARENTS)
    world.built("content")
    assert world.step.state == "fresh"
    assert world.step.problem == ""


def test_an_engine_is_remembered(tmp_path: Path) -> None:
    """For the time when it is down; damage is no harm."""
    engine, path = MemoryEngine(MemoryRegistry()), str(tmp_path / "frontend.json")
    assert last_asked(path) is None
    engine.release = "26.1.5+dfsg1"
    assert ask(engine, path) == last_asked(path) == DOCKER_26
    Path(path).write_text("{")
    assert last_asked(path) is None


def test_without_an_engine_what_is_remembered_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project asks for itself, starts nothing, and falls back on the last answer."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    write(world, SHIFT)
    project = Project(world.project.root)
    with pytest.raises(DockerfileError, match="unterminated heredoc"):
        project.inputs.key(APP)
    world.engine.release = "26.1.5"
    ask(world.engine, project.state.path("frontend.json"))
    assert Project(project.root).inputs.key(APP)


def test_a_dockerfile_that_is_a_folder_is_named(world: World) -> None:
    """And so is one that is not there, with what might be meant."""
    image = world.project.spec.images["app"]
    path = Path(world.project.root, "app", "Dockerfile")
    path.rename(path.with_name("dockerfile"))
    with pytest.raises(DockerfileError, match="did you mean 'dockerfile'"):
        inputs(world, nobody).dockerfile(image)
    path.mkdir()
    with pytest.raises(DockerfileError, match="app/Dockerfile: is a folder"):
        inputs(world, nobody).dockerfile(image)
