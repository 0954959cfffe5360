"""What every registry must do: run against the fake and the real one alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from layers.lock.resolve import resolve
from layers.oci.digest import Digest
from layers.registry.registry import Manifest, Registry, RegistryDown, RegistryError
from tests.contracts import ABSENT, silent
from tests.ocidocs import OCI_INDEX, OCI_MANIFEST, digest_of, index_of, manifest_of

EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
RECORD_TYPE = "application/vnd.doit-layers.inputs.v1+json"


@dataclass
class RegistryWorld:
    """A registry to test, and a way to fill it that does not go through our client."""

    registry: Registry
    repository: str
    """``host/path``, used by no other test."""
    elsewhere: str
    """A repository on another host."""
    put_blob: Callable[[bytes], Digest]
    put_manifest: Callable[[str, bytes, str], Digest]
    """``put_manifest(tag or digest, bytes, media type)``."""
    lose: Callable[[Digest], None]
    """The repository forgets a blob that its manifests still name."""

    def image(self, tag: str, architecture: str) -> Digest:
        """Put an image that only has a config."""
        config = {"os": "linux", "architecture": architecture, "config": {"Env": ["A=b"]}}
        blob = self.put_blob(json.dumps(config).encode())
        content = json.dumps(manifest_of(blob)).encode()
        return self.put_manifest(tag or digest_of(content).text, content, OCI_MANIFEST)

    def index(self, tag: str) -> dict[str, Digest]:
        """Put an index of two platforms and an attestation; digests by architecture."""
        parts = {name: self.image("", name) for name in ("amd64", "arm64")}
        entries = [(digest, "linux", name) for name, digest in parts.items()]
        entries.append((self.image("", "none"), "unknown", "unknown"))
        content = json.dumps(index_of(entries)).encode()
        return {**parts, "": self.put_manifest(tag, content, OCI_INDEX)}

    def layered(self, tag: str, *layers: bytes) -> Digest:
        """Put an image with filesystem layers; its sizes are told as they are."""
        document = manifest_of(self.put_blob(EMPTY), *map(self.put_blob, layers))
        for entry, content in zip(document["layers"], layers, strict=True):
            entry["size"] = len(content)
        document["config"]["size"] = len(EMPTY)
        content = json.dumps(document).encode()
        return self.put_manifest(tag, content, OCI_MANIFEST)

    def manifest(self, reference: str) -> Manifest:
        """One that is there."""
        found = self.registry.manifest(self.repository, reference)
        assert found is not None
        return found


class RegistryContract:
    """Subclasses give a fixture ``world``."""

    def test_heads_leave_out_what_is_not_there(self, world: RegistryWorld) -> None:
        """Unknown tags and unknown repositories are absent; asking twice is asking once."""
        digest = world.image("a", "amd64")
        asked = [(world.repository, "a"), (world.repository, "b"), (f"{world.repository}/c", "a")]
        assert world.registry.heads([*asked, *asked]) == {asked[0]: digest}

    def test_no_heads_for_no_references(self, world: RegistryWorld) -> None:
        """Nothing in, nothing out."""
        assert world.registry.heads([]) == {}

    def test_many_heads_keep_to_their_tags(self, world: RegistryWorld) -> None:
        """Answers that come in parallel are not mixed up."""
        wanted = {(world.repository, f"t{n}"): world.image(f"t{n}", f"cpu{n}") for n in range(20)}
        assert world.registry.heads(list(wanted)) == wanted

    def test_a_manifest_comes_by_tag_and_by_digest(self, world: RegistryWorld) -> None:
        """Both are the same, with its type and size."""
        digest = world.image("a", "amd64")
        manifest = world.registry.manifest(world.repository, "a")
        assert manifest is not None
        assert manifest == world.registry.manifest(world.repository, digest.text)
        assert (manifest.digest, manifest.media_type) == (digest, OCI_MANIFEST)
        assert manifest.size == len(json.dumps(manifest.content))

    @pytest.mark.parametrize("reference", ["gone", ABSENT.text])
    def test_an_unknown_manifest_is_none(self, world: RegistryWorld, reference: str) -> None:
        """Only 404 means that."""
        world.image("a", "amd64")
        assert world.registry.manifest(world.repository, reference) is None

    def test_a_blob_comes_by_digest(self, world: RegistryWorld) -> None:
        """Byte by byte."""
        digest = world.put_blob(b"\x00some bytes")
        assert world.registry.blob(world.repository, digest) == b"\x00some bytes"

    def test_an_unknown_blob_is_an_error(self, world: RegistryWorld) -> None:
        """What a manifest names must be there."""
        with pytest.raises(RegistryError):
            world.registry.blob(world.repository, ABSENT)

    def test_a_tag_may_move(self, world: RegistryWorld) -> None:
        """A registry does not keep tags for us: immutability is our own work."""
        first, second = world.image("a", "amd64"), world.image("a", "arm64")
        assert first != second
        assert world.registry.heads([(world.repository, "a")]) == {(world.repository, "a"): second}

    @pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64/v8", "linux/arm64"])
    def test_an_index_resolves_by_platform(self, world: RegistryWorld, platform: str) -> None:
        """Index, manifest and config belong together."""
        digests = world.index("i")
        resolved = resolve(world.registry, world.repository, "i", platform)
        architecture = platform.split("/")[1]
        assert (resolved.digest, resolved.manifest) == (digests[""], digests[architecture])
        assert resolved.config["architecture"] == architecture

    def test_an_unknown_platform_lists_what_is_offered(self, world: RegistryWorld) -> None:
        """Attestations are no platform."""
        world.index("i")
        with pytest.raises(RegistryError, match=r"linux/amd64, linux/arm64$"):
            resolve(world.registry, world.repository, "i", "linux/riscv64")

    def test_a_manifest_comes_with_its_bytes(self, world: RegistryWorld) -> None:
        """They are its digest: to put them under another tag gives the same."""
        digest = world.layered("a", b"one")
        manifest = world.manifest("a")
        assert digest_of(manifest.raw) == digest
        again = world.registry.put_manifest(
            world.repository, "b", manifest.raw, manifest.media_type
        )
        assert again == digest
        assert world.registry.heads([(world.repository, "b")]) == {(world.repository, "b"): digest}

    @pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 300_000], ids=["0", "2", "300000"])
    def test_a_blob_that_was_put_comes_back(self, world: RegistryWorld, content: bytes) -> None:
        """Once is as good as twice."""
        digest = world.registry.put_blob(world.repository, content)
        assert digest == world.registry.put_blob(world.repository, content) == digest_of(content)
        assert world.registry.blob(world.repository, digest) == content

    @pytest.mark.parametrize("size", [0, 1, 300_000])
    def test_a_blob_travels_part_by_part(self, world: RegistryWorld, size: int) -> None:
        """There and back, in parts of any size; what is not right is not taken."""
        content = bytes(size)
        digest, parts = digest_of(content), [content[:100], content[100:]]
        for _ in range(2):
            world.registry.upload(world.repository, digest, size, lambda: iter(parts))
        assert b"".join(world.registry.parts(world.repository, digest, size)) == content
        with pytest.raises(RegistryError):
            world.registry.upload(
                world.repository, digest_of(b"other"), size, lambda: iter((content,))
            )

    def test_a_manifest_is_put_by_tag_and_by_digest(self, world: RegistryWorld) -> None:
        """A tag moves to what was put last; under a digest it has no tag."""
        registry, repository = world.registry, world.repository
        blob = registry.put_blob(repository, EMPTY)
        first, second = (
            json.dumps({**manifest_of(blob), "annotations": {"n": n}}).encode() for n in "12"
        )
        registry.put_manifest(repository, "t", first, OCI_MANIFEST)
        assert registry.put_manifest(repository, "t", second, OCI_MANIFEST) == digest_of(second)
        third = json.dumps(manifest_of(blob)).encode()
        digest = digest_of(third)
        assert registry.put_manifest(repository, digest.text, third, OCI_MANIFEST) == digest
        assert world.manifest("t").raw == second
        assert world.manifest(digest.text).raw == third
        assert registry.tags(repository) == ("t",)

    def test_a_manifest_is_not_put_under_another_digest(self, world: RegistryWorld) -> None:
        """Nor without the blobs that it names; neither leaves a trace."""
        registry, repository = world.registry, world.repository
        blob = registry.put_blob(repository, EMPTY)
        fine = json.dumps(manifest_of(blob)).encode()
        with pytest.raises(RegistryError):
            registry.put_manifest(repository, ABSENT.text, fine, OCI_MANIFEST)
        lacking = json.dumps(manifest_of(blob, ABSENT)).encode()
        with pytest.raises(RegistryError, match="MANIFEST_BLOB_UNKNOWN"):
            registry.put_manifest(repository, "t", lacking, OCI_MANIFEST)
        assert registry.tags(repository) == ()
        assert registry.manifest(repository, digest_of(lacking).text) is None

    def test_tags_are_sorted(self, world: RegistryWorld) -> None:
        """A repository that is not there has none."""
        for tag in ("b", "a", "B", "1"):
            world.image(tag, "amd64")
        assert world.registry.tags(world.repository) == ("1", "B", "a", "b")
        assert world.registry.tags(f"{world.repository}/none") == ()

    def test_missing_names_what_is_gone(self, world: RegistryWorld) -> None:
        """In the manifest's order; nothing of one that is whole."""
        world.layered("a", b"one", b"two", b"three")
        manifest = world.manifest("a")
        assert world.registry.missing(world.repository, manifest) == ()
        for lost in (b"three", b"one"):
            world.lose(digest_of(lost))
        gone = (digest_of(b"one"), digest_of(b"three"))
        assert world.registry.missing(world.repository, manifest) == gone

    def test_missing_looks_below_an_index(self, world: RegistryWorld) -> None:
        """Manifests that are gone, and blobs of those that are there."""
        gone, there = world.layered("gone", b"one"), world.layered("there", b"two")
        content = json.dumps(index_of([(gone, "linux", "a"), (there, "linux", "b")])).encode()
        world.put_manifest("i", content, OCI_INDEX)
        index = world.manifest("i")
        assert world.registry.missing(world.repository, index) == ()
        assert world.registry.delete(world.repository, gone)
        world.lose(digest_of(b"two"))
        assert world.registry.missing(world.repository, index) == (gone, digest_of(b"two"))

    def test_layers_that_live_elsewhere_are_not_missing(self, world: RegistryWorld) -> None:
        """As those of Windows bases."""
        world.layered("a", b"one")
        content = {**world.manifest("a").content}
        content["layers"] = [{**content["layers"][0], "digest": ABSENT.text, "urls": ["https://x"]}]
        foreign = Manifest(ABSENT, OCI_MANIFEST, content, 1)
        assert world.registry.missing(world.repository, foreign) == ()

    @pytest.mark.parametrize("far", [False, True], ids=["mounted", "streamed"])
    def test_a_copy_is_whole(self, world: RegistryWorld, far: bool) -> None:
        """It has all blobs, and the manifest under its digest, without a tag."""
        digest = world.layered("a", b"one", b"two" * 400_000)
        target = world.elsewhere if far else f"{world.repository}-copy"
        told: list[tuple[int, int]] = []
        world.registry.copy(
            world.repository, digest, target, lambda done, total: told.append((done, total))
        )
        copied = world.registry.manifest(target, digest.text)
        assert copied is not None
        assert copied.raw == world.manifest("a").raw
        assert world.registry.missing(target, copied) == ()
        assert world.registry.blob(target, digest_of(b"two" * 400_000)) == b"two" * 400_000
        assert world.registry.tags(target) == ()
        total = 3 + 1_200_000 + len(EMPTY)
        assert (told[0], told[-1]) == ((0, total), (total, total))
        assert [done for done, _ in told] == sorted(done for done, _ in told)

    @pytest.mark.parametrize("far", [False, True], ids=["mounted", "streamed"])
    def test_an_index_is_copied_with_what_it_lists(self, world: RegistryWorld, far: bool) -> None:
        """Every platform."""
        parts = [world.layered(tag, tag.encode() * 9, b"shared") for tag in ("a", "b")]
        content = json.dumps(index_of([(one, "linux", one.text[7:]) for one in parts])).encode()
        digest = world.put_manifest("i", content, OCI_INDEX)
        target = world.elsewhere if far else f"{world.repository}-copy"
        world.registry.copy(world.repository, digest, target, silent)
        copied = world.registry.manifest(target, digest.text)
        assert copied is not None
        assert world.registry.missing(target, copied) == ()
        assert all(world.registry.manifest(target, part.text) for part in parts)

    def test_a_copy_s_copy_sends_nothing(self, world: RegistryWorld) -> None:
        """What the target holds is not counted either."""
        digest = world.layered("a", b"one")
        world.registry.copy(world.repository, digest, world.elsewhere, silent)
        told: set[tuple[int, int]] = set()
        world.registry.copy(world.repository, digest, world.elsewhere, lambda *two: told.add(two))
        assert told == {(0, 0)}

    def test_what_is_not_there_cannot_be_copied(self, world: RegistryWorld) -> None:
        """Nor can an image that has lost a blob; the target gets no manifest of it."""
        digest = world.layered("a", b"one")
        with pytest.raises(RegistryError, match=ABSENT.text):
            world.registry.copy(world.repository, ABSENT, world.elsewhere, silent)
        world.lose(digest_of(b"one"))
        with pytest.raises(RegistryError, match=digest_of(b"one").text):
            world.registry.copy(world.repository, digest, world.elsewhere, silent)
        assert world.registry.manifest(world.elsewhere, digest.text) is None

    def test_a_manifest_is_deleted_with_all_its_tags(self, world: RegistryWorld) -> None:
        """Others stay; what is not there may be deleted."""
        digest, other = world.layered("a", b"one"), world.layered("other", b"two")
        world.put_manifest("b", world.manifest("a").raw, OCI_MANIFEST)
        assert world.registry.delete(world.repository, digest)
        assert world.registry.delete(world.repository, digest)
        assert world.registry.delete(f"{world.repository}/none", ABSENT)
        assert world.registry.manifest(world.repository, digest.text) is None
        assert world.registry.tags(world.repository) == ("other",)
        assert world.manifest("other").digest == other

    def artifact(self, world: RegistryWorld, subject: Digest) -> tuple[Digest, dict[str, Any]]:
        """Put a record about an image, as OCI 1.1 has it; its digest and document."""
        registry, repository = world.registry, world.repository
        document = manifest_of(
            registry.put_blob(repository, EMPTY), registry.put_blob(repository, b"record")
        )
        document |= {
            "artifactType": RECORD_TYPE,
            "subject": {"mediaType": OCI_MANIFEST, "digest": subject.text, "size": 1},
            "annotations": {"key": "value"},
        }
        document["config"] |= {"mediaType": EMPTY_TYPE, "size": len(EMPTY)}
        document["layers"][0] |= {"mediaType": RECORD_TYPE, "size": len(b"record")}
        content = json.dumps(document).encode()
        name = digest_of(content).text
        return registry.put_manifest(repository, name, content, OCI_MANIFEST), document

    @pytest.mark.parametrize("subject", ["there", "absent"])
    def test_a_record_about_an_image_is_taken(self, world: RegistryWorld, subject: str) -> None:
        """Byte by byte, found by its own digest, whether or not its subject is there."""
        about = world.layered("a", b"one") if subject == "there" else ABSENT
        digest, document = self.artifact(world, about)
        manifest = world.manifest(digest.text)
        assert manifest.content == document
        assert world.registry.missing(world.repository, manifest) == ()

    def test_referrers_are_listed_or_unknown(self, world: RegistryWorld) -> None:
        """With type and annotations; None from a registry without that API."""
        about = world.layered("a", b"one")
        nothing = world.registry.referrers(world.repository, about)
        digest, _ = self.artifact(world, about)
        found = world.registry.referrers(world.repository, about)
        assert (nothing is None) == (found is None)
        if found is not None:
            assert not nothing
            assert [(one["digest"], one["artifactType"], one["annotations"]) for one in found] == [
                (digest.text, RECORD_TYPE, {"key": "value"})
            ]

    def test_a_fallback_tag_lists_referrers(self, world: RegistryWorld) -> None:
        """An index under ``sha256-<hex>``, whose entries have a type and annotations."""
        about = world.layered("a", b"one")
        digest, document = self.artifact(world, about)
        index = index_of([(digest, "", "")])
        del index["manifests"][0]["platform"]
        index["manifests"][0] |= {one: document[one] for one in ("artifactType", "annotations")}
        tag = about.text.replace(":", "-")
        world.registry.put_manifest(world.repository, tag, json.dumps(index).encode(), OCI_INDEX)
        assert world.manifest(tag).content == index
        assert tag in world.registry.tags(world.repository)

    def test_no_registry_is_registry_down(self, world: RegistryWorld) -> None:
        """A refused connection is never "not there", "not allowed" or "not known"."""
        registry, nowhere = world.registry, "127.0.0.1:1/x"
        digest = world.layered("a", b"one")
        for ask in (
            lambda: registry.heads([(nowhere, "a"), (nowhere, "b")]),
            lambda: registry.manifest(nowhere, "a"),
            lambda: registry.blob(nowhere, ABSENT),
            lambda: registry.missing(nowhere, world.manifest("a")),
            lambda: registry.tags(nowhere),
            lambda: registry.put_blob(nowhere, b"x"),
            lambda: registry.put_manifest(nowhere, "t", b"{}", OCI_MANIFEST),
            lambda: registry.copy(nowhere, digest, world.repository, silent),
            lambda: registry.copy(world.repository, digest, nowhere, silent),
            lambda: registry.delete(nowhere, ABSENT),
            lambda: registry.referrers(nowhere, ABSENT),
        ):
            with pytest.raises(RegistryDown):
                ask()
