"""Upstream images have copies in the own registry, of one platform each, found by digest."""

from __future__ import annotations

import json

import pytest

from layers.lock import mirror
from layers.lock.pin import Pin
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.registry import RegistryError
from tests.contracts import silent
from tests.fakes_registry import MemoryRegistry
from tests.ocidocs import OCI_INDEX, OCI_MANIFEST, index_of, manifest_of

OWN, HUB = "127.0.0.1:5000", "docker.io"
UPSTREAM = f"{HUB}/library/debian"


@pytest.fixture
def registry() -> MemoryRegistry:
    """One client for our registry and the upstream's."""
    return MemoryRegistry(OWN, HUB)


def land(registry: MemoryRegistry, content: str, repository: str = UPSTREAM) -> Digest:
    """Put an image of two platforms under tag 12; the digest of its manifest for amd64."""
    entries = []
    for architecture in ("amd64", "arm64"):
        config = registry.put_blob(repository, f'{{"a": "{architecture} {content}"}}'.encode())
        layer = registry.put_blob(repository, f"{architecture} {content}".encode())
        raw = json.dumps(manifest_of(config, layer)).encode()
        digest = registry.put_manifest(repository, "", raw, OCI_MANIFEST)
        entries.append((digest, "linux", architecture))
    registry.put_manifest(repository, "12", json.dumps(index_of(entries)).encode(), OCI_INDEX)
    return entries[0][0]


def pin(digest: Digest, source: str = "") -> Pin:
    """The pin of the upstream."""
    return Pin(Reference.parse("debian:12"), "linux/amd64", digest, source=source)


DIGEST = Digest("sha256:0123456789abcdef" + "0" * 48)


@pytest.mark.parametrize(
    ("upstream", "expected"),
    [
        ("debian:12", "library/debian"),
        ("nvidia/cuda:12.1.1-runtime-ubuntu22.04", "nvidia/cuda"),
        ("ghcr.io/astral-sh/uv", "ghcr.io/astral-sh/uv"),
        ("127.0.0.1:5001/a/b", "127.0.0.1-5001/a/b"),
        ("Registry.example:80/x", "registry.example-80/x"),
        ("[::1]:5000/x", "1--5000/x"),
    ],
)
def test_copies_are_below_the_project(upstream: str, expected: str) -> None:
    """Another registry than the Hub shows in the path, which stays a reference."""
    found = mirror.Mirror("r.example/team", "snow").of(Reference.parse(upstream))
    assert found == f"r.example/team/snow/upstream/{expected}"
    assert Reference.parse(found).name == found


@pytest.mark.parametrize(
    ("name", "platform", "expected"),
    [
        ("debian:12", "linux/amd64", "12-amd64-0123456789ab"),
        ("debian:12", "linux/arm/v7", "12-arm-v7-0123456789ab"),
        ("debian:12", "windows/amd64", "12-windows-amd64-0123456789ab"),
        ("debian:" + "t" * 128, "linux/amd64", "t" * 109 + "-amd64-0123456789ab"),
        (f"debian@{DIGEST}", "linux/amd64", "amd64-0123456789ab"),
    ],
)
def test_a_copy_is_tagged_for_people(name: str, platform: str, expected: str) -> None:
    """With what the tag was, the platform and the digest's beginning."""
    assert mirror.tag(Pin(Reference.parse(name), platform, DIGEST)) == expected
    assert Reference.parse(f"a:{expected}").tag == expected


def test_a_copy_holds_one_platform_and_is_found_by_digest(registry: MemoryRegistry) -> None:
    """With its layers, under its tag; the index stays where it is."""
    held = pin(land(registry, "one"))
    repository = mirror.Mirror(OWN, "snow").of(held.name)
    assert mirror.find(registry, held, repository) is None
    assert mirror.copy(registry, held, repository, silent)
    assert mirror.find(registry, held, repository) == f"{repository}@{held.digest}"
    assert registry.tags(repository) == (mirror.tag(held),)
    assert len([one for one in registry.sent if one[0] == repository]) == 2


def test_a_copy_beside_the_images_is_told_apart_by_its_tag(registry: MemoryRegistry) -> None:
    """Where the project's template says that one repository holds all."""
    held = pin(land(registry, "one"))
    place = mirror.Mirror(OWN, "snow", "all:{image}.{tag}")
    mirror.copy_pins(registry, place, [held], lambda _event: None)
    assert registry.tags(f"{OWN}/all") == (f"upstream__library__debian.{mirror.tag(held)}",)
    assert mirror.find(registry, held, place.of(held.name)) == f"{OWN}/all@{held.digest}"


def test_a_copy_that_is_there_moves_nothing(registry: MemoryRegistry) -> None:
    """Not a byte of a layer, and no manifest is put again."""
    held = pin(land(registry, "one"))
    repository = mirror.Mirror(OWN, "snow").of(held.name)
    mirror.copy(registry, held, repository, silent)
    sent, pushed = list(registry.sent), list(registry.pushed)
    assert not mirror.copy(registry, held, repository, silent)
    assert (registry.sent, registry.pushed) == (sent, pushed)


def test_a_tag_that_somebody_deleted_comes_back(registry: MemoryRegistry) -> None:
    """Without it a clean-up may take the copy."""
    held = pin(land(registry, "one"))
    repository = mirror.Mirror(OWN, "snow").of(held.name)
    mirror.copy(registry, held, repository, silent)
    registry.delete_tag(repository, mirror.tag(held))
    assert not mirror.copy(registry, held, repository, silent)
    assert registry.tags(repository) == (mirror.tag(held),)


def test_a_copy_that_lost_a_layer_is_made_again(registry: MemoryRegistry) -> None:
    """And does not count as found until then."""
    held = pin(land(registry, "one"))
    repository = mirror.Mirror(OWN, "snow").of(held.name)
    mirror.copy(registry, held, repository, silent)
    manifest = registry.manifest(repository, str(held.digest))
    assert manifest is not None
    layer = Digest.parse(manifest.content["layers"][0]["digest"])
    registry._repositories[repository].content.pop(layer)
    assert mirror.find(registry, held, repository) is None
    assert mirror.copy(registry, held, repository, silent)
    assert mirror.find(registry, held, repository) is not None


def test_a_pin_from_a_stand_in_is_copied_from_there(registry: MemoryRegistry) -> None:
    """Its source says where the bytes are; its own name says where the copy goes."""
    digest = land(registry, "two", f"{OWN}/stand-in/debian")
    held = pin(digest, source=f"{OWN}/stand-in/debian:12")
    repository = mirror.Mirror(OWN, "snow").of(held.name)
    assert mirror.copy(registry, held, repository, silent)
    assert repository == f"{OWN}/snow/upstream/library/debian"


def test_an_upstream_that_lost_the_pinned_image_is_an_error(registry: MemoryRegistry) -> None:
    """Nothing half-done is tagged."""
    repository = mirror.Mirror(OWN, "snow").of(Reference.parse("debian:12"))
    with pytest.raises(RegistryError):
        mirror.copy(registry, pin(DIGEST), repository, silent)
    assert registry.tags(repository) == ()


def test_a_dead_registry_is_an_error_and_not_an_absent_copy(registry: MemoryRegistry) -> None:
    """Only a 404 means that it is not there."""
    registry.down = True
    with pytest.raises(RegistryError):
        mirror.find(registry, pin(DIGEST), f"{OWN}/snow/upstream/library/debian")
