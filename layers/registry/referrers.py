"""Records that travel: what an image was made from, attached to it in the registry.

An OCI referrer (image-spec 1.1, "subject"); a registry without that API gets the list of what is
attached under the tag ``sha256-<hex>`` (distribution-spec, "Referrers Tag Schema").
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from hashes.manifest import BadManifest
from layers.graph.record import Record
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
from layers.plan.names import LABEL_KEY
from layers.registry.registry import Registry, RegistryError

KIND = "application/vnd.doit-layers.inputs.v1+json"
COMPRESSED = "application/vnd.doit-layers.inputs.v1+zlib"
LARGE = 64 * 1024
"""Bytes of a record from which on it is compressed."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a record; what would grow beyond is not read."""


def is_attached(registry: Registry, repository: str, subject: Digest) -> bool:
    """Whether a record is attached to an image.  Raises RegistryError."""
    return bool(_ours(_attached(registry, repository, subject)[0]))


def attach(registry: Registry, repository: str, subject: Digest, record: Record) -> bool:
    """Attach a record to an image that the registry holds; False when it has one already.

    Raises RegistryError.
    """
    known, api = _attached(registry, repository, subject)
    if _ours(known):
        return False
    image = registry.manifest(repository, subject.text)
    if image is None:
        raise RegistryError(f"{repository} has no {subject} to attach a record to")
    about = {"mediaType": image.media_type, "digest": subject.text, "size": image.size}
    text = record.to_json().encode()
    kind, content = (KIND, text) if len(text) < LARGE else (COMPRESSED, zlib.compress(text, 9))
    notes = {LABEL_KEY: str(record.own.key())}
    manifest = artifact(KIND, [descriptor(kind, content)], subject=about, annotations=notes)
    registry.put_blob(repository, EMPTY)
    registry.put_blob(repository, content)
    digest = registry.put_manifest(repository, digest_of(manifest).text, manifest, MANIFEST_TYPE)
    if not api:
        entry = {**descriptor(MANIFEST_TYPE, manifest), "artifactType": KIND, "annotations": notes}
        _list(registry, repository, subject, {**entry, "digest": digest.text})
    return True


def fetch(registry: Registry, repository: str, subject: Digest) -> Record | None:
    """What an image was made from, as its record says; None: nothing that can be read is attached.

    Raises RegistryError.
    """
    for entry in _ours(_attached(registry, repository, subject)[0]):
        found = registry.manifest(repository, str(entry.get("digest")))
        record = _read(registry, repository, found.content) if found is not None else None
        if record is not None:
            return record
    return None


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


def _ours(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in entries if one.get("artifactType") == KIND]


def _list(registry: Registry, repository: str, subject: Digest, entry: Mapping[str, Any]) -> None:
    """Add to the list under the fallback tag; again where somebody else's put went over ours."""
    for _ in range(3):
        known, _api = _attached(registry, repository, subject)
        if any(one.get("digest") == entry["digest"] for one in known):
            return
        content = listing(known, entry)
        registry.put_manifest(repository, fallback_tag(subject), content, INDEX_TYPE)


def _read(registry: Registry, repository: str, content: Mapping[str, Any]) -> Record | None:
    """The record in an artifact; None for anything that is not one."""
    try:
        (layer,) = content["layers"]
        blob = registry.blob(repository, Digest.parse(layer["digest"]))
        if layer["mediaType"] == COMPRESSED:
            unpacked = zlib.decompressobj()
            blob = unpacked.decompress(blob, LARGEST)
            if unpacked.unconsumed_tail:
                return None
        return Record.from_json(blob.decode())
    except (KeyError, TypeError, ValueError, zlib.error, BadDigest, BadManifest):
        return None
