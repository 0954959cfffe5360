"""Records of filesystem layers in a registry: found from a layer's digest alone."""

from __future__ import annotations

import json

import pytest

from layers.oci.artifact import MANIFEST_TYPE, artifact, descriptor, digest_of
from layers.oci.digest import Digest
from layers.registry.layer_records import TAG, TYPE, Kept, Shelf, fetch, is_record, store, which
from layers.registry.registry import RegistryError, RegistryRefused
from tests.fakes import MemoryRegistry

HOST = "127.0.0.1:5000"
APP, BASE = Shelf(f"{HOST}/shop/app"), Shelf(f"{HOST}/shop/base")
ONE, TWO = (Digest(f"sha256:{digit * 64}") for digit in "12")


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry(HOST)


def found(registry: MemoryRegistry, *shelves: Shelf) -> dict[Digest, bytes | None]:
    kept = which(registry, shelves, (ONE, TWO))
    return {layer: fetch(registry, each) for layer, each in kept.items()}


def test_what_was_put_is_found_by_the_layer(registry: MemoryRegistry) -> None:
    """The layer's blob need not be there."""
    assert found(registry, BASE, APP) == {}
    store(registry, BASE, ONE, b"one")
    assert found(registry, APP, BASE) == {ONE: b"one"}
    assert found(registry, APP) == {}


def test_the_first_shelf_that_has_it_counts(registry: MemoryRegistry) -> None:
    store(registry, BASE, ONE, b"one")
    store(registry, APP, ONE, b"another")
    assert found(registry, APP, BASE) == {ONE: b"another"}
    assert found(registry, BASE, APP) == {ONE: b"one"}


def test_the_same_record_is_put_twice_without_harm(registry: MemoryRegistry) -> None:
    store(registry, BASE, ONE, b"one")
    tags = registry.tags(BASE.repository)
    before = which(registry, (BASE,), (ONE,))
    store(registry, BASE, ONE, b"one")
    assert registry.tags(BASE.repository) == tags == (f"layer-{'1' * 64}",)
    assert which(registry, (BASE,), (ONE,)) == before


def test_images_of_one_repository_have_records_of_their_own(registry: MemoryRegistry) -> None:
    """No manifest has two tags: one of them would go with the other."""
    mine, theirs = (Shelf(f"{HOST}/shop/all", prefix) for prefix in ("app.", "base."))
    store(registry, mine, ONE, b"one")
    assert found(registry, theirs) == {}
    store(registry, theirs, ONE, b"one")
    assert found(registry, theirs) == found(registry, mine) == {ONE: b"one"}
    assert which(registry, (mine,), (ONE,)) != which(registry, (theirs,), (ONE,))


def test_a_tag_that_would_be_too_long_is_neither_asked_for_nor_put(
    registry: MemoryRegistry,
) -> None:
    long = Shelf(f"{HOST}/shop/all", "n" * 59)
    assert not long.room
    assert long._replace(prefix="n" * 58).room
    assert which(registry, (long,), (ONE,)) == {}
    assert registry.asked == []


def test_where_tags_never_move_the_one_that_is_there_stays(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(registry, BASE, ONE, b"one")

    def refuse(*_words: object) -> Digest:
        raise RegistryRefused("PUT …: 400 (TAG_INVALID)")

    def fail(*_words: object) -> Digest:
        raise RegistryError("PUT …: 500")

    monkeypatch.setattr(registry, "put_manifest", refuse)
    store(registry, BASE, ONE, b"another")
    assert found(registry, BASE) == {ONE: b"one"}
    with pytest.raises(RegistryRefused):
        store(registry, BASE, TWO, b"two")
    monkeypatch.setattr(registry, "put_manifest", fail)
    with pytest.raises(RegistryError):
        store(registry, BASE, ONE, b"another")


def put(registry: MemoryRegistry, content: bytes) -> Kept:
    return Kept(
        BASE.repository,
        registry.put_manifest(BASE.repository, digest_of(content).text, content, MANIFEST_TYPE),
    )


def test_what_is_no_record_is_not_read(registry: MemoryRegistry) -> None:
    """An image, an artifact of another kind, one of two parts, one of none that can be read."""
    for blob in (b"{}", b"x"):
        registry.put_blob(BASE.repository, blob)
    part = descriptor(TYPE, b"x")
    empty = json.loads(artifact(TYPE, [part]))
    for content in (
        artifact("application/vnd.other", [part]),
        artifact(TYPE, [part, part]),
        json.dumps({**empty, "layers": []}).encode(),
        json.dumps({key: value for key, value in empty.items() if key != "artifactType"}).encode(),
    ):
        assert fetch(registry, put(registry, content)) is None
    assert fetch(registry, put(registry, artifact(TYPE, [part]))) == b"x"
    assert fetch(registry, Kept(BASE.repository, ONE)) is None


def test_a_record_says_what_it_is(registry: MemoryRegistry) -> None:
    """A clean-up tells it from an image that somebody gave such a name."""
    store(registry, BASE, ONE, b"one")
    there = registry.manifest(BASE.repository, BASE.tag(ONE))
    assert there is not None
    assert is_record(there)
    assert there.content["annotations"] == {TAG: f"layer-{'1' * 64}"}
    assert "subject" not in there.content
