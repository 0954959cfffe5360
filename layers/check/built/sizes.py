"""Sizes: which layer and which folder of an image take how much, and what grew."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.check.finding import Finding
from layers.runtime.files import write_whole
from layers.runtime.state import StateFolder
from layers.sizes.saved_image import Documents

RULE = "size-budget"
NEAR = 0.9
"""The part of max_size from which on a warning is due."""
DEPTH = 4
"""How many folders of a path are told apart."""


@dataclass
class Sizes:
    """Bytes of an image's files, before compression."""

    layers: dict[str, int] = field(default_factory=dict)
    """By the layer's place and what made it, such as ``3 RUN``."""
    folders: dict[str, int] = field(default_factory=dict)
    _blobs: dict[str, int] = field(default_factory=dict)

    def add(self, blob: str, path: str, size: int) -> None:
        """Count a file."""
        self._blobs[blob] = self._blobs.get(blob, 0) + size
        folder = "/" + "/".join(path.split("/")[:-1][:DEPTH])
        self.folders[folder] = self.folders.get(folder, 0) + size

    def settle(self, documents: Documents) -> None:
        """Name the layers once the archive has told which is which."""
        for at, blob in enumerate(documents.layers):
            by = documents.made_by[at] if at < len(documents.made_by) else "?"
            self.layers[f"{at + 1} {by}"] = self._blobs.get(blob, 0)

    def remember(self, state: StateFolder, image: str, key: str) -> None:
        """Keep them for the image's next key; the one before stays beside it."""
        path = state.path("sizes", f"{image}.json")
        rows = [row for row in _rows(path) if row["key"] != key][-1:]
        rows.append({"key": key, "layers": self.layers, "folders": self.folders})
        write_whole(path, json.dumps(rows).encode())

    @staticmethod
    def remembered(state: StateFolder, image: str, key: str) -> Sizes | None:
        """Those of the key before this one; None: there is none."""
        rows = [row for row in _rows(state.path("sizes", f"{image}.json")) if row["key"] != key]
        return Sizes(dict(rows[-1]["layers"]), dict(rows[-1]["folders"])) if rows else None


def _rows(path: str) -> list[dict[str, Any]]:
    try:
        with open(path, encoding="utf-8") as file:
            rows = json.load(file)
        return [row for row in rows if {"key", "layers", "folders"} <= set(row)]
    except (OSError, ValueError, TypeError):
        return []


def budget(
    name: str,
    size: int,
    limit: int | None,
    now: Sizes,
    earlier: Sizes | None,
    file: str,
    line: int,
) -> Iterator[Finding]:
    """A finding when an image is over its max_size, or at nine tenths of it."""
    if limit is None or size < limit * NEAR:
        return
    over = size > limit
    grown = "" if earlier is None else _grown(now, earlier)
    largest = max(now.folders, key=lambda each: now.folders[each], default="")
    hint = grown or (f"most of it: {largest}, {_size(now.folders[largest])}" if largest else "")
    yield Finding(
        RULE,
        "error" if over else "warning",
        file,
        line,
        f"{name} takes {_size(size)}, {size / limit:.0%} of its max_size {_size(limit)}",
        hint,
        (name,),
    )


def _grown(now: Sizes, earlier: Sizes) -> str:
    """What grew most since the key before: a folder and a layer."""
    told = []
    for what, new, old in (
        ("", now.folders, earlier.folders),
        ("layer ", now.layers, earlier.layers),
    ):
        most, by = _most(new, old)
        if by > 0:
            told.append(f"{what}{most} +{_size(by)}")
    return f"since the key before: {', '.join(told)}" if told else ""


def _most(new: Mapping[str, int], old: Mapping[str, int]) -> tuple[str, int]:
    grown = {name: size - old.get(name, 0) for name, size in new.items()}
    most = max(grown, key=lambda each: grown[each], default="")
    return most, grown.get(most, 0)


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
