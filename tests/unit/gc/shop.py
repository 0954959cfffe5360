"""A shop whose old images go: its names and its keys."""

from __future__ import annotations

import json

from layers.gc.ownership import Owned, Owner
from layers.gc.registry_images import moment
from layers.oci.artifact import MANIFEST_TYPE, descriptor
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from tests.fakes import MemoryRegistry
from tests.ocidocs import OCI_CONFIG, OCI_LAYER

HOST = "127.0.0.1:5000"
REPOSITORY = f"{HOST}/shop/app"
KEYS = [f"xxh3-{number:032x}" for number in range(9)]
OWNERS = {"": Owner("app")}
OWNED = Owned(
    "shop", frozenset({"app"}), frozenset({"docker.io/library/shop-app"}), {REPOSITORY: OWNERS}
)
NOW = moment("2026-01-10T00:00:00Z")


def digest(number: int) -> Digest:
    """A digest."""
    return Digest(f"sha256:{number:064x}")


def put_image(
    registry: MemoryRegistry,
    number: int,
    *tags: str,
    blob: bytes = b"",
    layer: str = "app",
    project: str = "",
) -> Digest:
    """An image of a layer at key ``number``, made on that day of January 2026."""
    labels = {LABEL_KEY: KEYS[number], LABEL_LAYER: layer}
    labels |= {LABEL_PROJECT: project} if project else {}
    config = json.dumps(
        {
            "os": "linux",
            "architecture": "amd64",
            "created": f"2026-01-{number + 1:02}T10:00:00.123456789Z",
            "config": {"Labels": labels},
        }
    ).encode()
    content = blob or f"layer {number}".encode()
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(OCI_CONFIG, config),
        "layers": [descriptor(OCI_LAYER, b"base"), descriptor(OCI_LAYER, content)],
    }
    for each in (config, b"base", content):
        registry.put_blob(REPOSITORY, each)
    raw = json.dumps(document).encode()
    found = Digest(descriptor(MANIFEST_TYPE, raw)["digest"])
    for tag in tags or (KEYS[number],):
        registry.put_manifest(REPOSITORY, tag, raw, MANIFEST_TYPE)
    return found
