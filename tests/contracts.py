"""What every engine must do: run against the fake and the real one alike."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from hashes.errors import LayersError
from layers.engine.engine import Engine, EngineDown, EngineError
from layers.engine.errors import MissingContent
from layers.oci import layout
from layers.oci.digest import Digest
from layers.registry.registry import Registry
from tests.ocidocs import OCI_MANIFEST, digest_of, manifest_of

ABSENT = Digest("sha256:" + "1" * 64)


def silent(done: int, total: int) -> None:
    """Show nothing."""


def whole(world: EngineWorld, attested: bool) -> None:
    """Skip a test of an index where the store cannot hold one."""
    if attested and not world.engine.about().keeps_manifests:
        pytest.skip("the classic image store holds no index")


class Upon(NamedTuple):
    """An image upon another, as a layout that has what is new."""

    digest: Digest
    archive: Iterator[bytes]


def above(world: EngineWorld, base: str, lost: str = "") -> Upon:
    """One more layer upon an image that was pushed; ``lost`` stands in the place of its own."""
    if not world.engine.about().keeps_manifests:
        pytest.skip("the classic image store keeps no layers as registries do")
    manifest = world.registry.manifest(world.repository, base.rpartition(":")[2])
    assert manifest is not None
    about = Digest.parse(manifest.content["config"]["digest"])
    config = json.loads(world.registry.blob(world.repository, about))
    below = [Digest.parse(each["digest"]) for each in manifest.content["layers"]]
    ids = config["rootfs"]["diff_ids"]
    if lost:
        below, ids = [digest_of(lost.encode())], [digest_of(lost.encode()).text]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("new"))
    layer = packed.getvalue()
    config["rootfs"]["diff_ids"] = [*ids, digest_of(layer).text]
    config["config"] = {"Labels": {"c": "d"}}
    about_raw = json.dumps(config).encode()
    value = manifest_of(digest_of(about_raw), *below, digest_of(layer))
    sizes = [each["size"] for each in manifest.content["layers"]]
    for entry, size in zip(value["layers"], [*sizes, len(layer)], strict=True):
        entry["size"] = size
    for entry, old in zip(value["layers"], manifest.content["layers"], strict=False):
        entry["mediaType"] = old["mediaType"]
    value["config"]["size"] = len(about_raw)
    raw = json.dumps(value).encode()
    top = {"mediaType": OCI_MANIFEST, "digest": digest_of(raw).text, "size": len(raw)}
    contents = [layout.of_bytes(digest_of(each), each) for each in (raw, about_raw, layer)]
    return Upon(digest_of(raw), layout.archive(top, contents))


@dataclass
class EngineWorld:
    """An engine to test, and what is around it."""

    engine: Engine
    stopped: Engine
    """One that nothing answers for."""
    registry: Registry
    repository: str
    """``host/path``, used by no other test."""
    build: Callable[[str, str, Mapping[str, str], bool], object]
    """``build(name, content, labels, attested)`` makes a local image."""
    sends_parts: bool = False
    """Whether it pushes what it has of an index, as Docker 28 does, instead of refusing."""


class EngineContract:
    """Subclasses give a fixture ``world``."""

    def test_an_image_is_found_and_named_by_its_id(self, world: EngineWorld) -> None:
        """A build without a name gives an id, and the name comes afterwards."""
        name = f"{world.repository}:t"
        world.build(name, "one", {}, False)
        held = world.engine.find([name])[name]
        assert world.engine.find([str(held.id)]) == {str(held.id): held}
        world.engine.tag(str(held.id), f"{world.repository}:b")
        assert world.engine.find([f"{world.repository}:b"])

    def test_only_known_names_are_found(self, world: EngineWorld) -> None:
        """A name that the engine does not know is absent, and asking twice is asking once."""
        name = f"{world.repository}:here"
        world.build(name, "one", {}, False)
        assert list(world.engine.find([name, f"{world.repository}:gone", name])) == [name]

    def test_nothing_is_found_for_nothing(self, world: EngineWorld) -> None:
        """No names, no answers."""
        assert world.engine.find([]) == {}

    def test_an_image_tells_its_labels_and_layers(self, world: EngineWorld) -> None:
        """Labels come as written; each filesystem layer has a digest."""
        name = f"{world.repository}:a"
        world.build(name, "one", {"io.doit-layers.key": "xxh3-1"}, False)
        image = world.engine.find([name])[name]
        assert image.labels == {"io.doit-layers.key": "xxh3-1"}
        assert [len(Digest.parse(one).text) for one in image.diff_ids] == [71]
        assert image.size > 0

    def test_a_second_name_points_at_the_same_image(self, world: EngineWorld) -> None:
        """Tagging copies nothing: one digest, two names."""
        first, second = f"{world.repository}:a", f"{world.repository}-b:b"
        world.build(first, "one", {}, False)
        world.engine.tag(first, second)
        found = world.engine.find([first, second])
        assert found[first] == found[second]
        assert set(found[first].names) == {first, second}

    def test_a_tag_moves(self, world: EngineWorld) -> None:
        """Tagging takes a name away from what had it."""
        first, second = f"{world.repository}:a", f"{world.repository}:b"
        world.build(first, "one", {"n": "1"}, False)
        world.build(second, "two", {"n": "2"}, False)
        world.engine.tag(first, second)
        assert world.engine.find([second])[second].labels == {"n": "1"}

    def test_an_unknown_source_cannot_be_tagged(self, world: EngineWorld) -> None:
        """The error names the source."""
        with pytest.raises(EngineError, match="-none:x"):
            world.engine.tag(f"{world.repository}-none:x", f"{world.repository}:y")

    def test_untagging_takes_one_name_only(self, world: EngineWorld) -> None:
        """The other name stays; a name that is gone may be untagged again."""
        first, second = f"{world.repository}:a", f"{world.repository}:b"
        world.build(first, "one", {}, False)
        world.engine.tag(first, second)
        world.engine.untag(first)
        world.engine.untag(first)
        found = world.engine.find([first, second])
        assert list(found) == [second]
        assert found[second].names == (second,)

    @pytest.mark.parametrize("attested", [False, True], ids=["manifest", "index"])
    def test_a_push_gives_the_registry_s_digest(self, world: EngineWorld, attested: bool) -> None:
        """Engine, push and registry agree on one digest."""
        whole(world, attested)
        name = f"{world.repository}:t"
        world.build(name, "pushed", {}, attested)
        digest = world.engine.push(name, silent)
        assert world.engine.find([name])[name].digest == digest
        assert world.registry.heads([(world.repository, "t")]) == {(world.repository, "t"): digest}

    def test_progress_ends_where_all_is_done(self, world: EngineWorld) -> None:
        """The last call says as many bytes as there are in all."""
        told: list[tuple[int, int]] = []
        name = f"{world.repository}:t"
        world.build(name, "x" * 200_000, {}, False)
        world.engine.push(name, lambda done, total: told.append((done, total)))
        assert told[-1][0] == told[-1][1]
        assert all(0 <= done <= total for done, total in told)

    def test_an_unknown_name_cannot_be_pushed(self, world: EngineWorld) -> None:
        """Nothing reaches the registry."""
        with pytest.raises(EngineError):
            world.engine.push(f"{world.repository}:none", silent)
        assert world.registry.heads([(world.repository, "none")]) == {}

    def test_a_push_to_nowhere_fails(self, world: EngineWorld) -> None:
        """A registry that does not answer is an error, not a digest."""
        world.build(f"{world.repository}:t", "one", {}, False)
        world.engine.tag(f"{world.repository}:t", "127.0.0.1:1/nowhere:t")
        try:
            with pytest.raises(EngineError, match=r"127\.0\.0\.1:1"):
                world.engine.push("127.0.0.1:1/nowhere:t", silent)
        finally:
            world.engine.untag("127.0.0.1:1/nowhere:t")

    def test_what_was_pushed_comes_back_by_digest(self, world: EngineWorld) -> None:
        """It has no tag then; it can be given one, and leaves with its last."""
        name = f"{world.repository}:t"
        world.build(name, "back", {"a": "b"}, False)
        digest = world.engine.push(name, silent)
        world.engine.untag(name)
        pinned = f"{world.repository}@{digest}"
        assert world.engine.find([name, pinned]) == {}
        pulled = world.engine.pull(pinned, silent)
        assert (pulled.digest, pulled.names, pulled.labels) == (digest, (), {"a": "b"})
        assert list(world.engine.find([name, pinned])) == [pinned]
        world.engine.tag(pinned, name)
        assert world.engine.find([name])[name].names == (name,)
        world.engine.untag(name)
        assert world.engine.find([name, pinned]) == {}

    def test_an_index_pulled_in_part_cannot_be_pushed(self, world: EngineWorld) -> None:
        """One platform comes, attestations do not: to send the index on needs them."""
        whole(world, attested=True)
        name, onward = f"{world.repository}:t", f"{world.repository}-onward:t"
        world.build(name, "attested", {"a": "b"}, True)
        digest = world.engine.push(name, silent)
        world.engine.untag(name)
        self.forget(world)
        pulled = world.engine.pull(f"{world.repository}@{digest}", silent)
        assert (pulled.digest, pulled.labels) == (digest, {"a": "b"})
        world.engine.tag(f"{world.repository}@{digest}", onward)
        try:
            if world.sends_parts:
                part = world.engine.push(onward, silent)
                question = (f"{world.repository}-onward", "t")
                assert world.registry.heads([question]) == {question: part}
                assert part != digest
            else:
                with pytest.raises(MissingContent):
                    world.engine.push(onward, silent)
        finally:
            world.engine.untag(onward)
            world.engine.untag(f"{world.repository}@{digest}")

    def test_an_image_is_taken_in_upon_what_is_there(self, world: EngineWorld) -> None:
        """The archive has the new layer only; it comes without a name, and can be given one."""
        base, name = f"{world.repository}:base", f"{world.repository}:t"
        world.build(base, "below", {"a": "b"}, False)
        world.engine.push(base, silent)
        upon = above(world, base)
        loaded = world.engine.load(upon.digest, upon.archive)
        assert (loaded.id, loaded.names, loaded.labels) == (upon.digest, (), {"c": "d"})
        assert len(loaded.diff_ids) == 2
        world.engine.tag(str(loaded.id), name)
        assert world.engine.find([name])[name].names == (name,)
        assert world.engine.push(name, silent) == upon.digest
        world.engine.untag(name)
        assert world.engine.find([name, str(upon.digest)]) == {}
        again = above(world, base)
        world.engine.load(again.digest, again.archive)
        world.engine.untag(str(again.digest))
        assert world.engine.find([str(again.digest)]) == {}

    @pytest.mark.parametrize("lacks", ["a layer", "its end"])
    def test_what_cannot_be_taken_in_is_not_there(self, world: EngineWorld, lacks: str) -> None:
        """Nobody has the layer below, or the archive breaks off."""
        base = f"{world.repository}:base"
        world.build(base, "never there", {}, False)
        world.engine.push(base, silent)
        upon = above(world, base, "lost" if lacks == "a layer" else "")
        raw = b"".join(upon.archive)
        with pytest.raises(EngineError):
            world.engine.load(upon.digest, [raw[: len(raw) // 2] if lacks == "its end" else raw])
        assert world.engine.find([str(upon.digest)]) == {}

    def test_an_id_outlives_the_registry_s_names(self, world: EngineWorld) -> None:
        """What was pushed under a name that went is the same image still, and can be named."""
        here, name = f"{world.repository}-b:b", f"{world.repository}:t"
        world.build(here, "kept", {}, False)
        before = world.engine.find([here])[here].id
        world.engine.tag(here, name)
        digest = world.engine.push(name, silent)
        world.engine.untag(name)
        assert world.engine.find([here])[here].id == before
        pulled = world.engine.pull(f"{world.repository}@{digest}", silent)
        assert (pulled.id, pulled.digest) == (before, digest)
        world.engine.tag(str(pulled.id), name)
        assert world.engine.find([name])[name].id == before

    def forget(self, world: EngineWorld) -> None:
        """Make the engine drop content that no name needs; at once, where it waits."""

    @pytest.mark.parametrize("tail", [f"@{ABSENT}", ":t"], ids=["unknown", "by-tag"])
    def test_only_what_is_there_can_be_pulled(self, world: EngineWorld, tail: str) -> None:
        """A digest that the registry does not have, and any tag, are errors."""
        with pytest.raises(EngineError):
            world.engine.pull(f"{world.repository}{tail}", silent)

    def test_a_bad_name_is_an_error_for_people(self, world: EngineWorld) -> None:
        """Nothing of it reaches the engine."""
        with pytest.raises(LayersError, match="two words"):
            world.engine.find(["two words"])

    def test_it_says_its_version(self, world: EngineWorld) -> None:
        """As `docker version` does."""
        assert {"Version", "ApiVersion", "Os", "Arch"} <= set(world.engine.version())

    def test_no_engine_is_engine_down(self, world: EngineWorld) -> None:
        """Every call says so."""
        calls: list[Callable[[], object]] = [
            lambda: world.stopped.find(["a:b"]),
            lambda: world.stopped.tag("a:b", "c:d"),
            lambda: world.stopped.untag("a:b"),
            lambda: world.stopped.pull(f"{world.repository}@{ABSENT}", silent),
            lambda: world.stopped.push(f"{world.repository}:t", silent),
            lambda: world.stopped.version(),
        ]
        for call in calls:
            with pytest.raises(EngineDown):
                call()
