"""Images that are put together and taken in by an engine that has what they stand on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from layers.build.execute import carry_out
from layers.engine.engine import LocalImage
from layers.graph.graph import Layer
from layers.oci.artifact import MANIFEST_TYPE, digest_of
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.project.backends import Backends
from layers.project.project import Project
from layers.registry.registry import RegistryError
from layers.runtime.events import Transfer
from tests.fakes import MemoryEngine
from tests.unit.build.assembling import APP, BASE, OURS
from tests.unit.build.test_assemble import AT, LAYER
from tests.unit.build.test_assemble import checkout as checkout
from tests.unit.machines import World, begin

Checkout = Callable[..., World]


@pytest.fixture
def warm(checkout: Checkout) -> World:
    """A machine whose engine has the base, as the registry does."""
    return with_base(checkout())


def with_base(world: World) -> World:
    key = str(world.project.inputs.key(BASE))
    digest = world.registry.heads([(AT, key)])[AT, key]
    held = world.engine.pull(f"{AT}@{digest}", lambda _done, _total: None)
    world.engine.tag(str(held.id), f"base:{key}")
    world.engine.asked.clear()
    return world


def make(world: World, layer: Layer = APP) -> str:
    """Do what the plan says; the key."""
    run = world.run.wanting([layer])
    step = run.planner.plan.steps[layer]
    assert step.state == "assemble", step
    carry_out(run, step)
    return str(step.key)


def in_engine(world: World, name: str) -> LocalImage | None:
    return world.engine.find([name]).get(name)


def verbs(world: World) -> set[str]:
    return {verb for verb, _ in world.engine.asked}


def test_an_engine_that_has_the_base_fetches_nothing(warm: World) -> None:
    """It has what the registry has, by the same digest, under both names."""
    key = make(warm)
    assert "load" in verbs(warm)
    assert "pull" not in verbs(warm)
    held = in_engine(warm, f"app:{key}")
    assert held is not None
    assert set(held.names) == {f"app:{key}", "app:latest"}
    assert warm.registry.heads([(OURS, key)]) == {(OURS, key): held.digest}


def test_an_engine_without_the_base_pulls(checkout: Checkout) -> None:
    world = checkout()
    key = make(world)
    assert "load" not in verbs(world)
    assert "pull" in verbs(world)
    assert in_engine(world, f"app:{key}") is not None


def test_an_earlier_image_has_what_the_next_one_stands_on(checkout: Checkout) -> None:
    """The base itself has no name in the engine."""
    world = checkout()
    make(world)
    world.engine.asked.clear()
    (Path(world.project.root) / "app" / "a").write_text("b\n")
    make(again(world))
    assert "load" in verbs(world)
    assert "pull" not in verbs(world)


def again(world: World) -> World:
    """The next run in the same checkout."""
    project = Project(world.project.root)
    run = begin(project, world.engine, world.registry, tell=world.told.append, wanted=[APP])
    return World(run, world.engine, world.registry, world.told)


@pytest.mark.parametrize("wrong", ["full", "lost"])
def test_what_an_engine_does_not_take_in_is_pulled(
    warm: World, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """Its disk is full for a moment, or it lost a part of the base."""
    load = MemoryEngine.load

    def refuse(engine: MemoryEngine, *words: object) -> LocalImage:
        engine.full = wrong == "full"
        if wrong == "lost":
            del engine._content[digest_of(LAYER)]
        try:
            return load(engine, *words)  # type: ignore[arg-type]  # its own arguments
        finally:
            engine.full = False

    monkeypatch.setattr(MemoryEngine, "load", refuse)
    key = make(warm)
    assert {"load", "pull"} <= verbs(warm)
    assert in_engine(warm, f"app:{key}") is not None


def test_somebody_quicker_is_adopted_in_the_engine_too(
    warm: World, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken in meanwhile is gone: one key, one digest."""
    load = MemoryEngine.load
    taken: list[Digest] = []

    def beaten(engine: MemoryEngine, digest: Digest, archive: object) -> LocalImage:
        taken.append(digest)
        return load(engine, digest, archive)  # type: ignore[arg-type]  # its own arguments

    monkeypatch.setattr(MemoryEngine, "load", beaten)
    other = checkout()
    key = str(warm.project.inputs.key(APP))
    step = warm.run.planner.plan.steps[APP]
    theirs = other.registry.put_manifest(OURS, key, _another(other, key), MANIFEST_TYPE)
    carry_out(warm.run, step)
    held = in_engine(warm, f"app:{key}")
    assert held is not None
    assert held.digest == theirs
    assert taken
    assert taken != [theirs]
    assert warm.engine.find([taken[0].text]) == {}


def _another(world: World, key: str) -> bytes:
    """Another image of the same key, in the registry."""
    other = MemoryEngine(world.registry)
    other.build(f"{OURS}:other", "theirs", {LABEL_KEY: key})
    other.push(f"{OURS}:other", lambda _done, _total: None)
    found = world.registry.manifest(OURS, "other")
    assert found is not None
    return found.raw


def test_a_registry_that_fails_leaves_the_image_in_the_engine(
    warm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is still to be pushed, which the next run does."""

    def refuse(*_words: object) -> None:
        raise RegistryError("POST …: 500")

    monkeypatch.setattr(warm.registry, "upload", refuse)
    key = make(warm)
    assert in_engine(warm, f"app:{key}") is not None
    assert warm.project.state.unpushed() == {f"app@{key}"}
    assert warm.registry.heads([(OURS, key)]) == {}


def test_the_next_edit_asks_for_nothing_of_the_base(warm: World) -> None:
    """What has a digest does not change: it is kept; what is damaged is fetched anew."""
    make(warm)
    (Path(warm.project.root) / "app" / "a").write_text("b\n")
    warm.registry.asked.clear()
    make(again(warm))
    fetched = [each for each in warm.registry.asked if each[0] in ("blob", "referrers")]
    assert [each for each in fetched if each[1] == AT] == []

    folder = Path(warm.project.state.path("bases"))
    for path in folder.iterdir():
        path.write_bytes(b"damaged")
    (Path(warm.project.root) / "app" / "a").write_text("c\n")
    make(again(warm))
    assert any(each[0] == "blob" and each[1] == AT for each in warm.registry.asked)
    manifest = warm.registry.manifest(AT, str(warm.project.inputs.key(BASE)))
    assert manifest is not None
    assert warm.project.bases.listing(manifest.digest) is not None


def local(checkout: Checkout) -> World:
    """The application goes to no registry."""
    world = checkout()
    spec = Path(world.project.root) / "images.toml"
    text = spec.read_text()
    at = text.rindex("push = true")
    spec.write_text(text[:at] + text[at:].replace("push = true", "push = false"))
    return again(world)


def test_an_image_that_goes_to_no_registry_is_put_together_in_the_engine(
    checkout: Checkout,
) -> None:
    world = with_base(local(checkout))
    key = make(world)
    assert in_engine(world, f"app:{key}") is not None
    assert "pull" not in verbs(world)
    assert not [one for one in world.registry.pushed if one[0] == OURS]
    assert world.project.state.unpushed() == frozenset()


def moved(world: World) -> list[Transfer]:
    """What was told of bytes on their way."""
    return [event for event in world.told if isinstance(event, Transfer) and event.total]


@pytest.mark.parametrize("pushed", [True, False])
def test_what_is_large_tells_how_far_it_is(checkout: Checkout, pushed: bool) -> None:
    """By whoever moves it: the push, or else the engine."""
    world = with_base(checkout() if pushed else local(checkout))
    make(world)
    world.told.clear()
    (Path(world.project.root) / "app" / "a").write_text("small\n")
    make(again(world))
    assert moved(world) == []
    (Path(world.project.root) / "app" / "a").write_bytes(os.urandom(3 << 20))
    make(again(world))
    told = moved(world)
    assert len(told) >= 3
    assert all(event.total > 3 << 20 for event in told)
    assert (told[-1].done, {event.layer for event in told}) == (told[-1].total, {"app"})


def test_the_next_edit_of_such_an_image_asks_no_registry(checkout: Checkout) -> None:
    """There may be none in reach: what is below is in the engine, and known."""
    world = with_base(local(checkout))
    make(world)
    (Path(world.project.root) / "app" / "a").write_text("b\n")
    world.registry.asked.clear()
    world.registry.down = True
    make(again(world))
    assert world.registry.asked == []


def test_without_the_base_in_the_engine_such_an_image_is_built(checkout: Checkout) -> None:
    step = local(checkout).run.planner.plan.steps[APP]
    assert step.state == "build"
    why = "not assembled: the engine does not have base, and it goes to no registry"
    assert why in step.reasons


def test_in_a_registry_of_its_own_a_checkout_claims_nothing(
    warm: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else pushes there; in one of others a key is claimed first."""
    asked = warm.registry.asked
    make(warm)
    assert any("claim-" in str(each) for each in asked)
    (Path(warm.project.root) / "app" / "a").write_text("b\n")
    asked.clear()
    monkeypatch.setattr(Backends, "registry_is_own", True)
    key = make(again(warm))
    assert warm.registry.heads([(OURS, key)])
    assert not any("claim-" in str(each) for each in asked)
