"""What an engine does not fetch of an image that it pulls is brought to it, or it is no image."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layers.engine.engine import EngineError
from layers.engine.whole import Source, archive, contents
from layers.oci.digest import Digest
from layers.registry.registry import Registry
from tests.contracts import silent
from tests.fakes_registry import MemoryRegistry
from tests.ocidocs import OCI_INDEX, OCI_MANIFEST, digest_of, index_of, manifest_of
from tests.unit.engine.answers import answer, engine, lines

SMALL = json.dumps(manifest_of(digest_of(b"c"), digest_of(b"l"))).encode()
"""A manifest of two blobs that have a byte each, which is what it says of them."""
OTHER = json.dumps(manifest_of(digest_of(b"d"), digest_of(b"l"))).encode()
DIGEST = digest_of(SMALL)
MANY = json.dumps(
    index_of(
        [
            (DIGEST, "linux", "amd64"),
            (digest_of(OTHER), "linux", "arm64"),
            (digest_of(OTHER), "unknown", "unknown"),
        ]
    )
).encode()


def registry(repository: str = "h:1/r") -> MemoryRegistry:
    """A registry whose one repository has all of these."""
    found = MemoryRegistry("h:1")
    for blob in (b"c", b"d", b"l"):
        found.put_blob(repository, blob)
    for content, media_type in ((SMALL, OCI_MANIFEST), (OTHER, OCI_MANIFEST), (MANY, OCI_INDEX)):
        found.put_manifest(repository, str(digest_of(content)), content, media_type)
    return found


HOLLOW = {
    "Id": str(DIGEST),
    "RepoDigests": [f"h:1/r@{DIGEST}"],
    "Os": "",
    "RootFS": {},
    "Config": {"Labels": None},
}
LAYERS = {"Type": "layers", "Layers": [str(digest_of(b"l"))]}
WHOLE: dict[str, Any] = {**HOLLOW, "Os": "linux", "RootFS": LAYERS}
PART: dict[str, Any] = {
    **WHOLE,
    "GraphDriver": {"Name": "overlayfs"},
    "Manifests": [
        {"Kind": "image", "Available": False},
        {"Kind": "attestation", "Available": True},
    ],
}
LAZY = {**PART, "GraphDriver": {"Name": "stargz"}}
ONE = {**PART, "Manifests": [*PART["Manifests"], {"Kind": "image", "Available": True}]}
LOADED = lines({"stream": "Loaded image: x"})


def pulling(first: Any, then: Any, loaded: bytes = LOADED) -> Callable[[str], bytes | None]:
    """Says what an engine says that pulled an image as ``first``; loading makes it ``then``."""
    loads: list[str] = []

    def say(asked: str) -> bytes | None:
        verb, path = asked.split(" ")
        if verb == "DELETE":
            return answer([{"Untagged": "x"}])
        if path.endswith("/version"):
            return answer({"ApiVersion": "1.51", "Os": "linux", "Arch": "amd64"})
        if path.endswith("/images/load"):
            loads.append(asked)
            return loaded
        return lines({"status": "ok"}) if verb == "POST" else answer(then if loads else first)

    return say


@pytest.mark.parametrize(
    ("first", "loads"),
    [(HOLLOW, 1), (PART, 1), (WHOLE, 0), (LAZY, 0), (ONE, 0)],
    ids=["no configuration", "no blobs", "whole", "fetched late", "one of an index"],
)
def test_what_an_engine_did_not_fetch_is_loaded(tmp_path: Path, first: Any, loads: int) -> None:
    """From the registry, once, and under the same name."""
    with engine(tmp_path, pulling(first, WHOLE), registry=registry()) as (client, asked):
        assert client.pull(f"h:1/r@{DIGEST}", silent).diff_ids == (str(digest_of(b"l")),)
    assert sum(each.endswith("/images/load") for each in asked) == loads
    assert not any(each.startswith("DELETE") for each in asked)


@pytest.mark.parametrize(
    ("source", "loaded", "said", "hint"),
    [
        (None, b"", "has its layers only", "docker ps --all"),
        (registry("h:1/s"), b"", "could not be loaded: h:1/r@", "docker ps --all"),
        (registry(), LOADED, "has its layers only", "docker ps --all"),
        (registry(), lines({"error": "x: no space left on device"}), "cannot load", "disk is full"),
        (
            registry(),
            answer({"message": "no"}, 500),
            "cannot load h:1/r@.*: no",
            "engine's own log",
        ),
    ],
    ids=["nobody to ask", "not there", "of no use", "full", "refused"],
)
def test_what_cannot_be_loaded_is_no_image(
    tmp_path: Path, source: Registry | None, loaded: bytes, said: str, hint: str
) -> None:
    """The engine forgets it, and the user learns why."""
    say = pulling(HOLLOW, HOLLOW, loaded)
    with (
        engine(tmp_path, say, registry=source) as (client, asked),
        pytest.raises(EngineError, match=said) as caught,
    ):
        client.pull(f"h:1/r@{DIGEST}", silent)
    assert hint in str(caught.value.hint)
    assert f"DELETE /images/{DIGEST}?force=1" in asked


@pytest.mark.parametrize("top", [SMALL, MANY], ids=["manifest", "index"])
def test_an_archive_has_what_a_machine_needs_of_an_image(top: bytes) -> None:
    """An OCI image layout of its platform, with the name that a pull gives."""
    told: list[tuple[int, int]] = []
    source = Source(registry(), "h:1/r", digest_of(top), "linux", "amd64")
    raw = b"".join(archive(source, *contents(source), lambda *sums: told.append(sums)))
    with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    blobs = {name: text for name, text in files.items() if name.startswith("blobs/")}
    assert set(blobs.values()) == {top, SMALL, b"c", b"l"}
    for name, content in blobs.items():
        assert Digest.parse(name.removeprefix("blobs/").replace("/", ":")) == digest_of(content)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["digest"] == str(digest_of(top))
    assert entry["annotations"] == {"io.containerd.image.name": f"h:1/r@{digest_of(top)}"}
    assert told == [(1, 2), (2, 2)]
