"""Referrers: contents attached to an image in the registry, such as what it was made from.

An OCI referrer (image-spec 1.1, "subject"); a registry without that API gets the list of what is
attached under the tag ``sha256-<hex>`` (distribution-spec, "Referrers Tag Schema").
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from layers.oci.artifact import (
    EMPTY,
    INDEX_TYPE,
    MANIFEST_TYPE,
    artifact,
    descriptor,
    digest_of,
    fallback_tag,
    listing,
)
from layers.oci.digest import BadDigest, Digest
from layers.registry.registry import Registry, RegistryError

LARGE = 64 * 1024
"""Bytes of a content from which on it is compressed."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a content; what would grow beyond is not read."""


class Kind(NamedTuple):
    """A kind of content, by its media types."""

    plain: str
    """Also the artifact's type."""
    compressed: str
    """With zlib (RFC 1950)."""


INPUTS = Kind(
    "application/vnd.doit-layers.inputs.v1+json", "application/vnd.doit-layers.inputs.v1+zlib"
)
"""What an image was made from."""


LISTING = Kind(
    "application/vnd.doit-layers.listing.v1+zstd", "application/vnd.doit-layers.listing.v1+zlib"
)
"""What is at each path of an image."""


def is_attached(registry: Registry, repository: str, subject: Digest, kind: Kind) -> bool:
    """Whether something of a kind is attached to an image.  Raises RegistryError."""
    return bool(_of_kind(_attached(registry, repository, subject)[0], kind))


def attach(
    registry: Registry,
    repository: str,
    subject: Digest,
    kind: Kind,
    content: bytes,
    annotations: Mapping[str, str],
    *,
    beside: bool = False,
) -> bool:
    """Attach a content to an image that the registry holds; False when it has one of that kind.

    ``beside``: it is attached then, too, as those that are there are of no use.  Raises
    RegistryError.
    """
    known, api = _attached(registry, repository, subject)
    if _of_kind(known, kind) and not beside:
        return False
    image = registry.manifest(repository, subject.text)
    if image is None:
        raise RegistryError(f"{repository} has no {subject} to attach a record to")
    about = {"mediaType": image.media_type, "digest": subject.text, "size": image.size}
    media_type = kind.plain
    if len(content) >= LARGE:
        media_type, content = kind.compressed, zlib.compress(content, 9)
    blob = descriptor(media_type, content)
    manifest = artifact(kind.plain, [blob], subject=about, annotations=annotations)
    registry.put_blob(repository, EMPTY)
    registry.put_blob(repository, content)
    digest = registry.put_manifest(repository, digest_of(manifest).text, manifest, MANIFEST_TYPE)
    if not api:
        entry = descriptor(MANIFEST_TYPE, manifest)
        more = {"artifactType": kind.plain, "annotations": dict(annotations)}
        _list(registry, repository, subject, {**entry, **more, "digest": digest.text})
    return True


def notes(
    registry: Registry, repository: str, subject: Digest, kind: Kind
) -> list[Mapping[str, Any]]:
    """The annotations of what of a kind is attached to an image.  Raises RegistryError."""
    found = [
        one.get("annotations")
        for one in _of_kind(_attached(registry, repository, subject)[0], kind)
    ]
    return [each for each in found if isinstance(each, dict)]


def fetch(registry: Registry, repository: str, subject: Digest, kind: Kind) -> Iterator[bytes]:
    """What of a kind is attached to an image, as far as it can be read.  Raises RegistryError."""
    for entry in _of_kind(_attached(registry, repository, subject)[0], kind):
        found = registry.manifest(repository, str(entry.get("digest")))
        content = _read(registry, repository, found.content, kind) if found is not None else None
        if content is not None:
            yield content


def _attached(
    registry: Registry, repository: str, subject: Digest
) -> tuple[list[Mapping[str, Any]], bool]:
    """What is attached to an image, and whether the registry has the API that says so."""
    found = registry.referrers(repository, subject)
    if found is not None:
        return list(found), True
    index = registry.manifest(repository, fallback_tag(subject))
    entries = index.content.get("manifests") if index is not None else None
    if not isinstance(entries, list):
        return [], False
    return [one for one in entries if isinstance(one, dict)], False


def _of_kind(entries: Iterable[Mapping[str, Any]], kind: Kind) -> list[Mapping[str, Any]]:
    return [one for one in entries if one.get("artifactType") == kind.plain]


def _list(registry: Registry, repository: str, subject: Digest, entry: Mapping[str, Any]) -> None:
    """Add to the list under the fallback tag; again where somebody else's put went over ours."""
    for _ in range(3):
        known, _api = _attached(registry, repository, subject)
        if any(one.get("digest") == entry["digest"] for one in known):
            return
        content = listing(known, entry)
        registry.put_manifest(repository, fallback_tag(subject), content, INDEX_TYPE)


def _read(
    registry: Registry, repository: str, content: Mapping[str, Any], kind: Kind
) -> bytes | None:
    """The content of an artifact; None for anything that has not just one."""
    try:
        (layer,) = content["layers"]
        blob = registry.blob(repository, Digest.parse(layer["digest"]))
        if layer["mediaType"] == kind.compressed:
            unpacked = zlib.decompressobj()
            blob = unpacked.decompress(blob, LARGEST)
            if unpacked.unconsumed_tail:
                return None
        return blob
    except (KeyError, TypeError, ValueError, zlib.error, BadDigest):
        return None
