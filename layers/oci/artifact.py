"""Artifacts: small manifests that hold no image, and what they say about one that does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from layers.oci.digest import Digest

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""All go into ``Accept``: without them an old registry converts and answers another digest."""

INDEX_TYPE, MANIFEST_TYPE = MANIFEST_TYPES[:2]
EMPTY = b"{}"
"""The blob that stands where there is nothing to say (image-spec, manifest.md)."""
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


def digest_of(content: bytes) -> Digest:
    """The digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    """What a manifest says of a blob."""
    return {"mediaType": media_type, "digest": digest_of(content).text, "size": len(content)}


_OCI = {
    "application/vnd.docker.container.image.v1+json": "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    ),
    "application/vnd.docker.image.rootfs.diff.tar.zstd": (
        "application/vnd.oci.image.layer.v1.tar+zstd"
    ),
}
"""Media types of the same bytes (image-spec, media-types.md, "Compatibility Matrix")."""


def oci(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an OCI manifest says of a blob that a Docker manifest describes."""
    return {**entry, "mediaType": _OCI.get(entry["mediaType"], entry["mediaType"])}


def artifact(
    kind: str,
    layers: Sequence[Mapping[str, Any]] = (),
    *,
    subject: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """A manifest of ``artifactType`` ``kind``; the same bytes for the same values.

    Without ``layers`` it has the empty one (image-spec, "Guidelines for Artifact Usage").
    """
    empty = descriptor(EMPTY_TYPE, EMPTY)
    value: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": kind,
        "config": empty,
        "layers": list(layers) or [empty],
    }
    if subject is not None:
        value["subject"] = dict(subject)
    if annotations:
        value["annotations"] = dict(annotations)
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def fallback_tag(subject: Digest) -> str:
    """Under which tag a registry without referrers API keeps the list of what is attached.

    distribution-spec, "Referrers Tag Schema".
    """
    return subject.text.replace(":", "-")


def listing(known: Sequence[Mapping[str, Any]], added: Mapping[str, Any]) -> bytes:
    """The list behind that tag, an index, with one entry added; one that is there stays one."""
    entries = [one for one in known if one.get("digest") != added.get("digest")]
    value = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*entries, added]}
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
