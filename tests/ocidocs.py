"""Small OCI documents for tests: digests, manifests and indexes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from layers.oci.artifact import MANIFEST_TYPES
from layers.oci.digest import Digest

OCI_INDEX, OCI_MANIFEST = MANIFEST_TYPES[:2]
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest_of(content: bytes) -> Digest:
    """The digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def manifest_of(config: Digest, *layers: Digest) -> dict[str, Any]:
    """An OCI image manifest; sizes are not told."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": config.text, "size": 1},
        "layers": [{"mediaType": OCI_LAYER, "digest": one.text, "size": 1} for one in layers],
    }


def index_of(entries: Sequence[tuple[Digest, str, str]]) -> dict[str, Any]:
    """An OCI index of (manifest, os, architecture)."""
    return {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": digest.text,
                "size": 1,
                "platform": {"os": system, "architecture": architecture},
            }
            for digest, system, architecture in entries
        ],
    }


def named_by(document: Mapping[str, Any]) -> list[Digest]:
    """What a manifest or index needs to have beside it."""
    entries = [*document.get("manifests", []), *document.get("layers", [])]
    entries += [document["config"]] if "config" in document else []
    return [Digest.parse(entry["digest"]) for entry in entries]
