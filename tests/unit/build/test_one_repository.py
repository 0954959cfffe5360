"""All images of a project in one repository of the registry, told apart by their tags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.build.publish import publish
from layers.build.tags import check_tag, move_tags
from layers.graph.graph import Layer
from layers.plan.explain import explanation
from layers.plan.names import LABEL_KEY
from layers.refresh.night import is_present
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, HOST, World, machine

TOOL = Layer("tool")
ALL = f"{HOST}/team/all"


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[], World]:
    """Makes machines with one registry."""
    registry = MemoryRegistry(HOST)
    count = iter(range(100))
    return lambda: machine(
        tmp_path / f"machine{next(count)}", registry, repository="team/all:{image}.{tag}"
    )


@pytest.fixture
def world(checkout: Callable[[], World]) -> World:
    """A machine that has published both images as ``v1``."""
    world = checkout()
    for name in ("app", "tool"):
        key = str(world.project.inputs.key(Layer(name)))
        world.engine.build(f"{name}:{key}", name, {LABEL_KEY: key})
    move_tags(world.registry, publish(world.run, [APP, TOOL]), ["v1"])
    return world


def test_keys_claims_and_moving_tags_begin_with_their_image(world: World) -> None:
    """Nothing goes anywhere else."""
    tool = str(world.project.inputs.key(TOOL))
    assert world.registry.tags(ALL) == tuple(
        sorted((f"app.{world.key}", "app.v1", f"tool.{tool}", "tool.v1"))
    )
    put = {tag for where, tag, _ in world.registry.pushed if where == ALL}
    assert {f"app.claim-{world.key}", f"tool.claim-{tool}"} <= put
    assert {where for where, _, _ in world.registry.pushed} == {ALL}


def test_another_machine_finds_each_image_under_its_own_tag(
    world: World, checkout: Callable[[], World]
) -> None:
    """By key to pull it; by tag, whole key and the beginning of one to explain it."""
    clone = checkout()
    assert clone.step.state == "pull"
    assert is_present(clone.run, "app")
    edited = checkout()
    (Path(edited.project.root) / "app" / "a").write_text("edited\n")
    for asked in ("v1", world.key, world.key[:12]):
        found = explanation(edited.run, APP, asked)
        assert found.old == world.key
        assert [cause.change.text() for cause in found.causes] == ["app/a changed"]


def test_a_tag_that_is_too_long_with_its_image_is_refused() -> None:
    """Before anything is built."""
    check_tag("v" * 124, ("app.",))
    with pytest.raises(LayersError, match="it has 129 characters in the registry"):
        check_tag("v" * 125, ("app.",))
