"""Whole images: whether an engine fetched all of one, and what it did not fetch, loaded into it."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from layers.engine.client import Client
from layers.engine.engine import Progress
from layers.engine.errors import fault
from layers.oci.artifact import MANIFEST_TYPES
from layers.oci.digest import Digest
from layers.registry.copy import Part, children, parts
from layers.registry.registry import Manifest, Registry, RegistryError


class Source(NamedTuple):
    """Where an image is, and for which machine it is wanted."""

    registry: Registry
    repository: str
    digest: Digest
    system: str
    """``linux``, as in the platforms of an index; the engine's own, as is ``architecture``."""
    architecture: str


def hollow(inspected: Mapping[str, Any]) -> bool:
    """Whether the engine has an image without its configuration.

    Docker 28.5 with the containerd image store does not fetch it again while a container holds
    layers of an image that was removed by force, and answers as if all were well.
    """
    return inspected.get("Os") == "" and not (inspected.get("RootFS") or {}).get("Layers")


def in_part(inspected: Mapping[str, Any]) -> bool:
    """Whether blobs are not there, which then cannot be pushed or saved, by the engine's word.

    Of an index one image has to be there. Snapshotters that fetch while a container runs
    (github.com/containerd/stargz-snapshotter and its like) leave them out on purpose.
    """
    if (inspected.get("GraphDriver") or {}).get("Name") not in ("overlayfs", "native"):
        return False
    images = [one for one in inspected.get("Manifests") or () if one.get("Kind") == "image"]
    return bool(images) and not any(one.get("Available") for one in images)


def load(client: Client, source: Source, progress: Progress) -> None:
    """Have the engine take in an image with all that it names, under ``repository@digest``.

    Raises EngineError, and RegistryError where the registry does not have all of it.
    """
    name = f"{source.repository}@{source.digest}"
    manifests, blobs = contents(source)
    with client.asking("load", name):
        for line in client.api.load_image(archive(source, manifests, blobs, progress)):
            if line.get("error"):
                raise fault("load", name, str(line["error"]))


def contents(source: Source) -> tuple[list[Manifest], list[Part]]:
    """The manifest, or an index and what it has for that machine; and the blobs of these."""
    top = _manifest(source, source.digest)
    what = f"{source.repository}@{top.digest}"
    manifests = [top]
    if children(top.content, what) is not None:
        manifests += [
            _manifest(source, Digest.parse(one["digest"]))
            for one in top.content["manifests"]
            if _for(source, one.get("platform") or {})
        ]
    named = [part for each in manifests for part in parts(each.content, what)]
    return manifests, list(dict.fromkeys(named))


def archive(
    source: Source, manifests: list[Manifest], blobs: list[Part], progress: Progress
) -> Iterator[bytes]:
    """An OCI image layout as a tar (image-spec, image-layout.md), never whole in memory.

    The name stands where containerd looks for it; a pull by digest gives the same.
    """
    top = manifests[0]
    entry = {
        "mediaType": top.media_type,
        "digest": top.digest.text,
        "size": len(top.raw),
        "annotations": {"io.containerd.image.name": f"{source.repository}@{top.digest}"},
    }
    index = {"schemaVersion": 2, "mediaType": MANIFEST_TYPES[0], "manifests": [entry]}
    yield from _file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
    yield from _file("index.json", json.dumps(index).encode())
    for each in manifests:
        yield from _file(_place(each.digest), each.raw)
    done, total = 0, sum(part.size for part in blobs)
    for part in blobs:
        yield _head(_place(part.digest), part.size)
        for chunk in source.registry.parts(source.repository, part.digest, part.size):
            yield chunk
            done += len(chunk)
            progress(done, total)
        yield _padding(part.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _manifest(source: Source, digest: Digest) -> Manifest:
    found = source.registry.manifest(source.repository, digest.text)
    if found is None:
        raise RegistryError(f"{source.repository}@{digest}: the registry does not have it")
    return found


def _for(source: Source, platform: Mapping[str, Any]) -> bool:
    wanted = source.system, source.architecture
    return (platform.get("os"), platform.get("architecture")) == wanted


def _place(digest: Digest) -> str:
    return f"blobs/{digest.text.replace(':', '/')}"


def _file(name: str, content: bytes) -> Iterator[bytes]:
    yield _head(name, len(content)) + content + _padding(len(content))


def _head(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
