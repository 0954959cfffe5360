"""`doit why` where nothing is remembered: what the registry knows, and what nobody does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from layers.build.publish import publish
from layers.build.tags import move_tags
from layers.graph.graph import Layer
from layers.plan.explain import Explanation, UnknownKey, explanation
from layers.plan.names import LABEL_KEY
from layers.plan.remote_records import RemoteRecords
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, HOST, REPOSITORY, World, machine


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[], World]:
    """Makes checkouts of one repository on machines of their own, with one registry."""
    registry = MemoryRegistry(HOST)
    count = iter(range(100))
    return lambda: machine(tmp_path / f"machine{next(count)}", registry)


@pytest.fixture
def first(checkout: Callable[[], World]) -> World:
    """The machine that published the image as ``latest`` and ``v1.2``."""
    world = checkout()
    world.built("one")
    move_tags(world.registry, publish(world.run, [APP]), ["latest", "v1.2"])
    return world


@pytest.fixture
def clone(first: World, checkout: Callable[[], World]) -> World:
    """A clean clone in which a file was edited; its engine has nothing."""
    world = checkout()
    (Path(world.project.root) / "app" / "a").write_text("edited\n")
    return world


def texts(found: Explanation) -> list[str]:
    return [cause.change.text() for cause in found.causes]


@pytest.mark.parametrize("words", ["key", "beginning", "digits", "v1.2"])
def test_a_clean_clone_explains_against_what_the_registry_has(
    clone: World, first: World, words: str
) -> None:
    """A whole key, the beginning of one, or a tag; no engine is asked, and it is kept then."""
    beginning = first.key[:12]
    asked = {
        "key": first.key,
        "beginning": beginning,
        "digits": beginning.removeprefix("xxh3-"),
    }.get(words, words)
    found = explanation(clone.run, APP, asked)
    assert (found.old, found.new) == (first.key, clone.key)
    assert texts(found) == ["app/a changed"]
    assert found.tag == ("v1.2" if words == "v1.2" else None)
    assert clone.engine.asked == []

    clone.registry.asked.clear()
    assert texts(explanation(clone.run, APP, first.key)) == ["app/a changed"]
    assert clone.registry.asked == []


def test_the_tags_of_an_image_are_those_that_people_gave(clone: World, first: World) -> None:
    """Keys, claims and what is attached have tags, too; a registry that is down has none."""
    assert len(first.registry.tags(REPOSITORY)) > 2
    assert RemoteRecords(clone.run).tags(APP) == ("latest", "v1.2")
    clone.registry.down = True
    assert RemoteRecords(clone.run).tags(APP) == ()


@pytest.mark.parametrize("down", [True, False])
def test_without_an_image_latest_in_the_registry_stands_for_it(
    clone: World, first: World, down: bool
) -> None:
    """With an empty engine, and with none; the tag says so."""
    clone.engine.down = down
    found = explanation(clone.run, APP, None)
    assert (found.old, found.tag, texts(found)) == (first.key, "latest", ["app/a changed"])


def test_an_image_in_the_engine_is_explained_by_its_record_in_the_registry(
    clone: World, first: World
) -> None:
    """As after a pull by hand: the label tells the key, the registry the rest."""
    clone.engine.build("app:latest", "one", {LABEL_KEY: first.key})
    found = explanation(clone.run, APP, None)
    assert (found.old, found.tag, texts(found)) == (first.key, None, ["app/a changed"])


def test_an_image_without_a_record_still_tells_its_key(clone: World, first: World) -> None:
    """An older one: its label has the key, and what it was made from nobody knows."""
    first.engine.tag(f"app:{first.key}", f"{REPOSITORY}:old")
    first.engine.build(f"{REPOSITORY}:old", "older", {LABEL_KEY: "xxh3-" + "1" * 32})
    first.engine.push(f"{REPOSITORY}:old", lambda done, total: None)
    found = explanation(clone.run, APP, "old")
    assert (found.old, found.tag) == ("xxh3-" + "1" * 32, "old")
    assert found.unknown == (found.old,)


def test_what_nobody_knows_stays_unknown(clone: World) -> None:
    """A tag that is not there, and a key that is not."""
    with pytest.raises(UnknownKey, match="'v9'"):
        explanation(clone.run, APP, "v9")
    found = explanation(clone.run, APP, "xxh3-" + "2" * 32)
    assert found.unknown == ("xxh3-" + "2" * 32,)
    assert clone.warnings() == ""


def test_a_registry_that_fails_is_told_once_and_is_no_error(clone: World, first: World) -> None:
    """The answer is what it would be without one."""
    clone.registry.down = True
    found = explanation(clone.run, APP, first.key)
    assert found.unknown == (first.key,)
    assert clone.warnings().count("the registry was not asked") == 1


def test_a_record_of_another_key_is_not_believed(clone: World, first: World) -> None:
    """Somebody attached what belongs elsewhere: the key that is asked for stays unknown."""
    tool = Layer("tool")
    key = str(first.project.inputs.key(tool))
    first.engine.build(f"tool:{key}", "tool", {LABEL_KEY: key})
    (published,) = publish(first.run, [tool])
    first.engine.tag(f"tool:{key}", f"{HOST}/demo/tool:{'xxh3-' + '3' * 32}")
    first.engine.push(f"{HOST}/demo/tool:{'xxh3-' + '3' * 32}", lambda done, total: None)
    found = explanation(clone.run, APP, "xxh3-" + "3" * 32)
    assert found.unknown == ("xxh3-" + "3" * 32,)
    assert published.key == key
