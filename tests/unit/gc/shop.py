"""A shop whose old images go: its names and its keys."""

from __future__ import annotations

from layers.gc.ownership import Owned, Owner
from layers.gc.registry_images import moment
from layers.oci.digest import Digest

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
