"""Carrying out a step without building: pulls, pushes, names, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from layers.carry import TagMoved, carry_out, push, pushed_steps
from layers.events import Event, Warned
from layers.graph import Layer
from layers.names import LABEL_KEY
from layers.plan import Step
from layers.project import Project
from tests.fakes import MemoryEngine, MemoryRegistry

HOST = "127.0.0.1:5000"
APP = Layer("app")
SPEC = f"""\
version = 1
[project]
name = "demo"
registry = "{HOST}"
[images.app]
context = "app"
push = true
"""


@dataclass
class World:
    """One checkout with an engine of its own; the registry is everybody's."""

    project: Project
    engine: MemoryEngine
    registry: MemoryRegistry
    told: list[Event]

    @property
    def step(self) -> Step:
        """What the plan says of the only image."""
        return self.project.plan.steps[APP]

    @property
    def key(self) -> str:
        """The image's key."""
        return str(self.project.inputs.key(APP))

    def built(self, content: str) -> None:
        """As if a build had made the image here."""
        self.engine.build(f"app:{self.key}", content, {LABEL_KEY: self.key})

    def warnings(self) -> str:
        """All warnings as one text."""
        return "\n".join(event.message for event in self.told if isinstance(event, Warned))


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[], World]:
    """Makes checkouts of one repository on machines of their own, with one registry."""
    registry = MemoryRegistry(HOST)
    made: list[World] = []

    def make() -> World:
        root = tmp_path / f"machine{len(made)}"
        (root / "app").mkdir(parents=True)
        (root / "images.toml").write_text(SPEC)
        (root / "app/Dockerfile").write_text("FROM scratch\nCOPY a /a\n")
        (root / "app/a").write_text("a\n")
        project = Project(str(root))
        engine = MemoryEngine(registry)
        told: list[Event] = []
        project.listener = told.append
        # cached properties: what is set here is what everybody gets
        project.engine = engine
        project.registry = registry
        made.append(World(project, engine, registry, told))
        return made[-1]

    return make


def test_an_image_in_the_registry_is_pulled_by_digest_and_named(
    checkout: Callable[[], World],
) -> None:
    """The plain name and the keyed one point at what the registry has."""
    first, second = checkout(), checkout()
    first.built("one")
    push(first.project, first.step)
    assert second.step.state == "pull"
    carry_out(second.project, second.step)
    (digest,) = {digest for _, _, digest in second.registry.pushed}
    found = second.engine.find([f"app:{second.key}", "app:latest"])
    assert {image.digest for image in found.values()} == {digest}
    assert len(found) == 2


def test_row_33_the_loser_of_a_race_adopts_the_winners_image(
    checkout: Callable[[], World],
) -> None:
    """Two machines build one key with different results: the first tag stays, both use it."""
    winner, loser = checkout(), checkout()
    winner.built("one")
    loser.built("two")
    push(winner.project, winner.step)
    push(loser.project, loser.step)
    ((_, tag, digest),) = loser.registry.pushed
    assert tag == loser.key
    found = loser.engine.find([f"app:{loser.key}", "app:latest"])
    assert {image.digest for image in found.values()} == {digest}
    assert loser.project.presence.engine[APP] == digest  # what a child is built from
    assert "adopted" in loser.warnings()


def test_what_is_there_already_is_not_pushed_again(checkout: Callable[[], World]) -> None:
    """The same digest under the same key: nothing to do."""
    world = checkout()
    world.built("one")
    push(world.project, world.step)
    push(world.project, world.step)
    assert len(world.registry.pushed) == 1
    assert world.warnings() == ""


@pytest.mark.parametrize("fault", ["down", "401 UNAUTHORIZED", "403 DENIED", "500", "429"])
def test_row_34_no_answer_is_not_not_there(checkout: Callable[[], World], fault: str) -> None:
    """Only a 404 means absent: any other answer is told, and the push is owed, not made."""
    world = checkout()
    world.built("one")
    step = world.step
    world.registry.down = fault == "down"
    world.registry.trouble = "" if fault == "down" else fault
    push(world.project, step)
    assert world.registry.pushed == []
    assert "not pushed" in world.warnings()
    world.registry.down, world.registry.trouble = False, ""
    pushed_steps(world.project, (APP,))
    assert [tag for _, tag, _ in world.registry.pushed] == [world.key]
    assert world.project.state.unpushed() == frozenset()


def test_an_image_that_was_not_made_from_its_key_is_refused(
    checkout: Callable[[], World],
) -> None:
    """Somebody pushed over a keyed tag: both are named, nothing gets a name here."""
    first, second = checkout(), checkout()
    first.engine.build(f"app:{first.key}", "evil", {LABEL_KEY: "xxh3-" + "0" * 32})
    first.engine.tag(f"app:{first.key}", f"{HOST}/demo/app:{first.key}")
    first.engine.push(f"{HOST}/demo/app:{first.key}", lambda done, total: None)
    with pytest.raises(TagMoved, match=f"not from {second.key}"):
        carry_out(second.project, second.step)
    assert second.engine.find([f"app:{second.key}", "app:latest"]) == {}


def test_a_name_put_on_another_image_is_no_proof(checkout: Callable[[], World]) -> None:
    """The label tells what an image was made from; a tag can be put on anything."""
    world = checkout()
    world.engine.build(f"app:{world.key}", "other", {LABEL_KEY: "xxh3-" + "0" * 32})
    assert world.step.state == "build"
