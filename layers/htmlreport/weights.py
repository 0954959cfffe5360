"""Weights: what is kept of sizes under ``.layers``, so that they outlive the images."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from layers.htmlreport.findings import Package, Part, Weight
from layers.runtime.files import read_any, write_whole
from layers.runtime.state import StateFolder

KEPT = 50
"""Keys of one layer."""
MOST = 100
"""Packages of one key: the largest."""


def recall(state: StateFolder, layer: str) -> tuple[Weight, ...]:
    """Those of a layer, oldest first; what is damaged is left out."""
    try:
        rows = json.loads(read_any(_path(state, layer)))
        return tuple(sorted(map(_weight, rows), key=lambda each: each.time))
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()


def remember(state: StateFolder, layer: str, weights: Iterable[Weight]) -> None:
    """Keep the newest of them.  Raises OSError."""
    kept = sorted(weights, key=lambda each: each.time)[-KEPT:]
    rows = [
        {
            "key": each.key,
            "time": each.time,
            "size": each.size,
            "parts": each.parts,
            "packages": each.packages[:MOST],
        }
        for each in kept
    ]
    write_whole(_path(state, layer), json.dumps(rows).encode())


def _weight(row: dict[str, object]) -> Weight:
    key, time, size = row["key"], row["time"], row["size"]
    if not (isinstance(key, str) and isinstance(time, (int, float)) and isinstance(size, int)):
        raise TypeError("not a weight")
    parts = tuple(Part(str(by), int(count)) for by, count in _rows(row["parts"]))
    packages = tuple(Package(str(name), int(count)) for name, count in _rows(row["packages"]))
    return Weight(key, float(time), size, parts, packages)


def _rows(value: object) -> Sequence[Sequence[str]]:
    if not isinstance(value, list):
        raise TypeError("not rows")
    return value


def _path(state: StateFolder, layer: str) -> str:
    return state.path("weights", f"{layer.replace(':', '.')}.json")
