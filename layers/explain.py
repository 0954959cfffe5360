"""Explaining: why an image's key is another than an earlier one, down to the first cause."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hashes.changes import Change, changes
from hashes.manifest import BadManifest, Manifest

OWN = ""
"""Names a record's own stage among the others."""


@dataclass(frozen=True)
class Record:
    """The manifests behind one key: the layer's own, and those of the stages below it by title."""

    own: Manifest
    stages: Mapping[str, Manifest] = field(default_factory=dict)

    def to_json(self) -> str:
        """A text that `from_json` reads back."""
        parts = {OWN: self.own, **self.stages}
        return json.dumps({title: each.to_json() for title, each in parts.items()})

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The exact inverse of `to_json`; raises BadManifest."""
        try:
            parts = {title: Manifest.from_json(each) for title, each in json.loads(text).items()}
            return cls(parts.pop(OWN), parts)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadManifest(f"not a record: {error}") from None


def why(old: Record, new: Record) -> tuple[Change, ...]:
    """What changed from one record to another, first cause first, each once.

    A changed stage is told by what changed in it; a changed parent image by its name, since its
    own row tells the rest.
    """
    found = dict.fromkeys(_walk(old, new, old.own, new.own, frozenset()))
    return tuple(found)


def _walk(
    old: Record, new: Record, before: Manifest, after: Manifest, seen: frozenset[str]
) -> Iterator[Change]:
    for change in changes(before, after):
        title = change.name
        known = title in old.stages and title in new.stages and title not in seen
        if change.kind == "stage" and known:
            below = tuple(_walk(old, new, old.stages[title], new.stages[title], seen | {title}))
            yield from below or (change,)
        else:
            yield change
