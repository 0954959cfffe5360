"""Whole images: whether an engine fetched all of one, and what it did not fetch, loaded into it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from layers.engine.client import Client
from layers.engine.engine import Progress
from layers.engine.errors import fault
from layers.oci import layout
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
    """An image layout as a tar, never whole in memory.

    The name stands where containerd looks for it; a pull by digest gives the same.
    """
    top = manifests[0]
    entry = {
        "mediaType": top.media_type,
        "digest": top.digest.text,
        "size": len(top.raw),
        "annotations": {"io.containerd.image.name": f"{source.repository}@{top.digest}"},
    }
    done, total = 0, sum(part.size for part in blobs)

    def moved(part: Part) -> Iterator[bytes]:
        nonlocal done
        for chunk in source.registry.parts(source.repository, part.digest, part.size):
            yield chunk
            done += len(chunk)
            progress(done, total)

    texts = [layout.of_bytes(each.digest, each.raw) for each in manifests]
    more = [layout.Content(each.digest, each.size, partial(moved, each)) for each in blobs]
    return layout.archive(entry, [*texts, *more])


def _manifest(source: Source, digest: Digest) -> Manifest:
    found = source.registry.manifest(source.repository, digest.text)
    if found is None:
        raise RegistryError(f"{source.repository}@{digest}: the registry does not have it")
    return found


def _for(source: Source, platform: Mapping[str, Any]) -> bool:
    wanted = source.system, source.architecture
    return (platform.get("os"), platform.get("architecture")) == wanted
