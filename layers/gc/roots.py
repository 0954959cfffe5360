"""Roots: the keys and digests that somebody still needs, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from layers.gc.item import DIGEST, KEY, Found
from layers.oci.digest import Digest


@dataclass(frozen=True)
class Roots:
    """What stays because something names it; the first reason that was given counts."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Key → reason."""
    digests: Mapping[Digest, str] = field(default_factory=dict)
    """Digest → reason."""
    images: Mapping[str, str] = field(default_factory=dict)
    """Image, or its repository in the engine → why all that is of it stays."""

    def with_keys(self, keys: Iterable[str], reason: str) -> Roots:
        """The same and these keys."""
        return replace(self, keys={**dict.fromkeys(keys, reason), **self.keys})

    def with_digests(self, digests: Iterable[Digest], reason: str) -> Roots:
        """The same and these digests."""
        return replace(self, digests={**dict.fromkeys(digests, reason), **self.digests})

    def with_images(self, images: Iterable[str], reason: str) -> Roots:
        """The same and all that is of these images, at whatever key."""
        return replace(self, images={**dict.fromkeys(images, reason), **self.images})

    def with_text(self, text: str, reason: str) -> Roots:
        """The same and every key and digest in a text, such as a lock of whatever version."""
        found = self.with_keys(KEY.findall(text), reason)
        return found.with_digests(map(Digest, DIGEST.findall(text)), reason)

    def why(self, found: Found) -> str:
        """The reason why something is reached; empty: nothing names it."""
        for digest in sorted(found.digests):
            if digest in self.digests:
                return self.digests[digest]
        for key in sorted(found.keys):
            if key in self.keys:
                return self.keys[key]
        return "" if found.mirror else self.images.get(found.layer.partition(":")[0], "")
