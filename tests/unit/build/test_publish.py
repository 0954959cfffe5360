"""Publishing against the fakes: what is asked, what is sent, and tags that move as one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.build.publish import NotPublished, Published, chosen, publish
from layers.build.tags import Tagged, check_tag, move_tags
from layers.commands.publish import as_json, as_text
from layers.engine.engine import EngineError
from layers.oci.digest import Digest
from layers.project.project import Project
from layers.registry.registry import (
    RegistryDown,
    RegistryError,
    RegistryRefused,
)
from layers.runtime.events import Event
from tests.fakes import MemoryRegistry
from tests.unit.build.publishing import TOOL, filled, head
from tests.unit.machines import APP, HOST, REPOSITORY, World, begin, machine


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[], World]:
    """Makes checkouts of one repository on machines of their own, with one registry."""
    registry = MemoryRegistry(HOST)
    count = iter(range(100))
    return lambda: machine(tmp_path / f"machine{next(count)}", registry)


@pytest.fixture
def world(checkout: Callable[[], World]) -> World:
    """A machine whose engine has both images."""
    return filled(checkout())


def test_without_names_every_image_that_is_pushed_is_published(world: World) -> None:
    """`local` has no push; a name given twice counts once."""
    assert chosen(world.run, ()) == (APP, TOOL)
    assert chosen(world.run, ("tool", "tool")) == (TOOL,)


@pytest.mark.parametrize(
    ("name", "said"), [("ap", "did you mean 'app'"), ("local", "local is not pushed")]
)
def test_what_cannot_be_published_is_told(world: World, name: str, said: str) -> None:
    """Before anything is asked."""
    with pytest.raises(LayersError, match=said):
        chosen(world.run, (name,))


def test_what_the_engine_has_is_pushed_and_then_it_is_there(
    world: World, checkout: Callable[[], World]
) -> None:
    """The second machine asks no engine and sends nothing, not even a claim."""
    first = publish(world.run, [APP, TOOL])
    assert [one.how for one in first] == ["pushed", "pushed"]
    second = checkout()
    second.engine.down = True
    before = len(world.registry.pushed), len(world.registry.sent)
    found = publish(second.run, [APP, TOOL])
    assert [one.how for one in found] == ["there", "there"]
    assert [one.digest for one in found] == [one.digest for one in first]
    assert (len(world.registry.pushed), len(world.registry.sent)) == before
    assert second.engine.asked == []
    assert "blob" not in {verb for verb, _, _ in world.registry.asked}


def test_a_record_that_is_lacking_is_attached(world: World, checkout: Callable[[], World]) -> None:
    """Somebody's push was killed between the image and its record."""
    (one,) = publish(world.run, [APP])
    (listed,) = world.registry.referrers(REPOSITORY, one.digest) or ()
    world.registry.delete(REPOSITORY, Digest.parse(listed["digest"]))
    publish(checkout().run, [APP])
    assert len(world.registry.referrers(REPOSITORY, one.digest) or ()) == 1


def test_a_broken_image_is_pushed_anew(world: World) -> None:
    """The engine has it, so that nothing is built."""
    publish(world.run, [APP])
    manifest = world.registry.manifest(REPOSITORY, world.key)
    assert manifest is not None
    world.registry.lose(REPOSITORY, Digest.parse(manifest.content["layers"][0]["digest"]))
    again = machine_again(world)
    (one,) = publish(again.run, [APP])
    assert one.how == "pushed"
    assert world.registry.missing(REPOSITORY, manifest) == ()
    assert "it is made anew" in again.warnings()


def test_a_registry_that_is_down_is_an_error_and_not_a_build(world: World) -> None:
    """Nothing is asked of the engine."""
    world.registry.down = True
    world.engine.asked.clear()
    with pytest.raises(RegistryDown):
        publish(world.run, [APP])
    assert world.engine.asked == []


def test_a_push_that_fails_is_an_error_that_names_all_that_failed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where `doit` only warns."""

    def refuse(name: str, progress: object) -> Digest:
        raise EngineError(f"cannot push {name}: denied")

    monkeypatch.setattr(world.engine, "push", refuse)
    with pytest.raises(NotPublished) as caught:
        publish(world.run, [APP, TOOL])
    assert "demo/app" in str(caught.value)
    assert "demo/tool" in str(caught.value)


def test_tags_move_when_all_images_are_there_and_only_where_they_are_wrong(world: World) -> None:
    """Each at its own image's digest; the second time nothing is put."""
    images = publish(world.run, [APP, TOOL])
    first = move_tags(world.registry, images, ["v1", "latest", "v1"])
    assert [(one.image.layer, one.tag, one.moved) for one in first] == [
        (APP, "v1", True),
        (TOOL, "v1", True),
        (APP, "latest", True),
        (TOOL, "latest", True),
    ]
    for one in images:
        assert head(world, one.layer.image, "v1") == one.digest
    before = len(world.registry.pushed)
    assert not any(one.moved for one in move_tags(world.registry, images, ["v1", "latest"]))
    assert len(world.registry.pushed) == before


def test_a_tag_that_cannot_be_moved_takes_the_others_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader never finds half a set for long, and the error tells what stands."""
    old = publish(world.run, [APP, TOOL])
    move_tags(world.registry, old, ["latest"])
    put = world.registry.put_manifest
    for name in ("app", "tool"):
        (Path(world.project.root) / name / "a").write_text("new\n")
    newer = filled(machine_again(world), "new")
    new = publish(newer.run, [APP, TOOL])
    assert new[0].digest != old[0].digest

    def choosy(repository: str, reference: str, content: bytes, kind: str) -> Digest:
        if repository.endswith("/tool") and reference == "latest" and content != raw_of(old[1]):
            raise RegistryRefused("PUT: 403")
        return put(repository, reference, content, kind)

    def raw_of(image: Published) -> bytes:
        found = world.registry.manifest(image.repository, image.digest.text)
        assert found is not None
        return found.raw

    monkeypatch.setattr(world.registry, "put_manifest", choosy)
    with pytest.raises(RegistryError, match="tool:latest was not moved") as caught:
        move_tags(world.registry, new, ["latest"])
    assert "back where they were" in str(caught.value)
    assert [head(world, one.layer.image, "latest") for one in old] == [one.digest for one in old]
    with pytest.raises(RegistryError) as caught:
        move_tags(world.registry, new, ["fresh", "latest"])
    assert "app:fresh is new" in str(caught.value)


def machine_again(world: World) -> World:
    """The same checkout, opened by the next command."""
    told: list[Event] = []
    run = begin(Project(world.project.root), world.engine, world.registry, tell=told.append)
    return World(run, world.engine, world.registry, told)


@pytest.mark.parametrize("tag", ["latest", "v1.2", "_x", "A-b.c", "x" * 128, "sha-1", "claims"])
def test_names_that_can_move(tag: str) -> None:
    """What a registry takes and we do not need."""
    check_tag(tag)


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("", "up to 128"),
        (".x", "not starting"),
        ("a b", "expected"),
        ("x" * 129, "up to 128"),
        ("a:b", "expected"),
        ("v1\n", "expected"),
        ("xxh3-" + "0" * 32, "kept for keys"),
        ("blake3-x", "kept for keys"),
        ("claim-x", "kept for keys"),
        ("sha256-x", "kept for keys"),
    ],
)
def test_names_that_cannot_move(tag: str, said: str) -> None:
    """Keys and what belongs to them stay where they are."""
    with pytest.raises(LayersError, match=said):
        check_tag(tag)


def test_both_outputs_tell_the_same() -> None:
    """A line an image and a line a tag; JSON for programs."""
    digests = [Digest("sha256:" + digit * 64) for digit in "12"]
    image = Published(APP, "xxh3-1", REPOSITORY, digests[0], "pushed", 1.23456)
    tags = [
        Tagged(image, "v1", None),
        Tagged(image, "v2", digests[1]),
        Tagged(image, "v3", digests[0]),
    ]
    assert as_text([image], tags).splitlines() == [
        f"app  {REPOSITORY}@{digests[0]}  pushed, 1.2 s",
        f"{REPOSITORY}:v1 -> {digests[0]}, new",
        f"{REPOSITORY}:v2 -> {digests[0]}, was {digests[1]}",
        f"{REPOSITORY}:v3 -> {digests[0]}, as it was",
    ]
    told = json.loads(as_json([image], tags))
    assert told["images"] == [
        {
            "name": "app",
            "key": "xxh3-1",
            "repository": REPOSITORY,
            "digest": str(digests[0]),
            "how": "pushed",
            "seconds": 1.235,
        }
    ]
    assert [(one["before"], one["moved"]) for one in told["tags"]] == [
        (None, True),
        (str(digests[1]), True),
        (str(digests[0]), False),
    ]
