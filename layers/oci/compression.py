"""Compression: how filesystem layers are packed for a registry; no part of what an image is."""

from __future__ import annotations

from typing import NamedTuple

LEVELS = {"zstd": 22, "gzip": 9, "uncompressed": 0}
"""Kinds, and the highest level of each (github.com/moby/buildkit, util/compression)."""


class Compression(NamedTuple):
    """A kind, and how hard it tries."""

    kind: str = "zstd"
    """zstd takes a third of gzip's time for less bytes; some scanners and registries read none."""
    level: int | None = None
    """None: BuildKit's own choice."""

    def fields(self) -> tuple[str, ...]:
        """What ``--output`` is told of it."""
        level = [] if self.level is None else [f"compression-level={self.level}"]
        return (f"compression={self.kind}", *level, "oci-mediatypes=true")


USUAL = Compression()
"""What images.toml means where it says nothing."""
