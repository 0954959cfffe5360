"""Since when claims are known: they carry no time, and no clock but our own is trusted."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, field

from layers.oci.digest import Digest
from layers.runtime.files import write_whole


@dataclass
class ClaimTimes:
    """A small file; losing it lets abandoned claims stay for another day."""

    path: str
    known: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Name of a claim → its digest, and Unix seconds when that was first seen."""
    asked: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, path: str) -> ClaimTimes:
        """What was seen before; nothing when the file is missing or damaged."""
        known: dict[str, tuple[str, float]] = {}
        try:
            with open(path, encoding="utf-8") as file:
                for name, (digest, since) in json.load(file).items():
                    known[name] = (str(digest), float(since))
        except (OSError, ValueError, TypeError, AttributeError):
            known = {}
        return cls(path, known)

    def since(self, name: str, claim: Digest, now: float) -> float:
        """When this very claim was first seen: now, if it was not."""
        digest, since = self.known.get(name, ("", now))
        self.asked.add(name)
        if digest != str(claim) or since > now:
            since = now
        self.known[name] = (str(claim), since)
        return since

    def save(self) -> None:
        """Keep what is still there."""
        kept = {name: self.known[name] for name in sorted(self.asked)}
        with contextlib.suppress(OSError):
            if kept or self.known:
                write_whole(self.path, (json.dumps(kept) + "\n").encode())
