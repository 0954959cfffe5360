"""Records that travel with the image: attached, found again, never believed blindly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hashes.manifest import Entry, Manifest
from layers.graph.record import Record
from layers.oci.artifact import (
    EMPTY,
    INDEX_TYPE,
    MANIFEST_TYPE,
    artifact,
    descriptor,
    digest_of,
    fallback_tag,
)
from layers.oci.digest import Digest
from layers.registry import referrers
from layers.registry.registry import RegistryError
from tests.fakes import MemoryRegistry

REPOSITORY = "127.0.0.1:5000/demo/app"


def record(size: int = 1) -> Record:
    entries = tuple(Entry("file", f"f{number}", "file 1") for number in range(size))
    return Record(Manifest(entries), image="app")


def attach(registry: MemoryRegistry, subject: Digest, record: Record) -> bool:
    content = record.to_json().encode()
    return referrers.attach(registry, REPOSITORY, subject, referrers.INPUTS, content, {})


def fetch(registry: MemoryRegistry, subject: Digest) -> Record | None:
    return Record.first(referrers.fetch(registry, REPOSITORY, subject, referrers.INPUTS))


@pytest.fixture(params=[True, False], ids=["referrers", "fallback tag"])
def registry(request: pytest.FixtureRequest) -> MemoryRegistry:
    """One with the referrers API, and one without."""
    found = MemoryRegistry()
    found.knows_referrers = request.param
    return found


def image(registry: MemoryRegistry, content: bytes = b"layer") -> Digest:
    registry.put_blob(REPOSITORY, EMPTY)
    registry.put_blob(REPOSITORY, content)
    manifest = artifact("an image", [descriptor("a layer", content)])
    return registry.put_manifest(REPOSITORY, "t", manifest, MANIFEST_TYPE)


def test_a_record_comes_back_as_it_went(registry: MemoryRegistry) -> None:
    """And only for the image that it was attached to."""
    subject, other = image(registry), image(registry, b"another")
    assert fetch(registry, subject) is None
    assert attach(registry, subject, record())
    assert fetch(registry, subject) == record()
    assert referrers.is_attached(registry, REPOSITORY, subject, referrers.INPUTS)
    assert not referrers.is_attached(registry, REPOSITORY, other, referrers.INPUTS)


def test_attaching_again_sends_nothing(registry: MemoryRegistry) -> None:
    """One record an image."""
    subject = image(registry)
    attach(registry, subject, record())
    before = len(registry.pushed), len(registry.sent)
    assert not attach(registry, subject, record())
    assert (len(registry.pushed), len(registry.sent)) == before


def test_a_large_record_travels_compressed(registry: MemoryRegistry) -> None:
    """Of 5,000 files a small part of the bytes goes."""
    subject, large = image(registry), record(5000)
    attach(registry, subject, large)
    assert fetch(registry, subject) == large
    sent = [len(registry.blob(REPOSITORY, digest)) for _, digest in registry.sent]
    assert max(sent) < len(large.to_json()) / 3


def test_what_others_attached_stays_in_the_list() -> None:
    """Signatures and the like use the same fallback tag."""
    registry = MemoryRegistry()
    registry.knows_referrers = False
    subject = image(registry)
    theirs = artifact("a signature")
    registry.put_manifest(REPOSITORY, digest_of(theirs).text, theirs, MANIFEST_TYPE)
    listed = {**descriptor(MANIFEST_TYPE, theirs), "artifactType": "a signature"}
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [listed]}
    registry.put_manifest(REPOSITORY, fallback_tag(subject), json.dumps(index).encode(), INDEX_TYPE)
    attach(registry, subject, record())
    found = registry.manifest(REPOSITORY, fallback_tag(subject))
    assert found is not None
    assert [one["artifactType"] for one in found.content["manifests"]] == [
        "a signature",
        referrers.INPUTS.plain,
    ]
    assert fetch(registry, subject) == record()


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (referrers.INPUTS.plain, b"not JSON"),
        (referrers.INPUTS.plain, b"\xff\xfe"),
        (referrers.INPUTS.plain, b'{"version": 99}'),
        (referrers.INPUTS.compressed, b"not zlib"),
    ],
)
def test_what_is_no_record_is_left_aside(kind: str, content: bytes) -> None:
    """Anybody who may push can attach anything."""
    registry = MemoryRegistry()
    subject = image(registry)
    registry.put_blob(REPOSITORY, content)
    about = {"mediaType": MANIFEST_TYPE, "digest": subject.text, "size": 1}
    bad = artifact(referrers.INPUTS.plain, [descriptor(kind, content)], subject=about)
    registry.put_manifest(REPOSITORY, digest_of(bad).text, bad, MANIFEST_TYPE)
    assert referrers.is_attached(registry, REPOSITORY, subject, referrers.INPUTS)
    assert fetch(registry, subject) is None


def test_a_record_that_would_grow_without_end_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A few bytes can be packed that become gigabytes."""
    registry = MemoryRegistry()
    subject = image(registry)
    attach(registry, subject, record(5000))
    monkeypatch.setattr(referrers, "LARGEST", 1000)
    assert fetch(registry, subject) is None


def test_nothing_is_attached_to_what_is_not_there(registry: MemoryRegistry, tmp_path: Path) -> None:
    """An error, which costs whoever pushes a warning."""
    with pytest.raises(RegistryError, match="has no sha256"):
        attach(registry, Digest("sha256:" + "0" * 64), record())
