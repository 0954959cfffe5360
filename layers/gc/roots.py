"""Reach: the keys and digests that somebody still needs, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from layers.gc.item import DIGEST, KEY, Found
from layers.oci.digest import Digest


@dataclass(frozen=True)
class Reach:
    """What stays because something names it; the first reason that was given counts."""

    keys: Mapping[str, str] = field(default_factory=dict)
    """Key → reason."""
    digests: Mapping[Digest, str] = field(default_factory=dict)
    """Digest → reason."""

    def with_keys(self, keys: Iterable[str], reason: str) -> Reach:
        """The same and these keys."""
        return Reach({**dict.fromkeys(keys, reason), **self.keys}, self.digests)

    def with_digests(self, digests: Iterable[Digest], reason: str) -> Reach:
        """The same and these digests."""
        return Reach(self.keys, {**dict.fromkeys(digests, reason), **self.digests})

    def with_text(self, text: str, reason: str) -> Reach:
        """The same and every key and digest in a text, such as a lock of whatever version."""
        found = self.with_keys(KEY.findall(text), reason)
        return found.with_digests(map(Digest, DIGEST.findall(text)), reason)

    def why(self, found: Found) -> str:
        """The reason why something is reached; empty: nothing names it."""
        for digest in sorted(found.digests):
            if digest in self.digests:
                return self.digests[digest]
        return next((self.keys[key] for key in sorted(found.keys) if key in self.keys), "")
