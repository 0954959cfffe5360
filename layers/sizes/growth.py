"""Growth: an image's sizes beside those of its last key, which a checkout remembers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from layers.runtime.files import write_whole
from layers.runtime.state import StateFolder
from layers.sizes.measure import Measured

KEPT = 8
"""Keys that are remembered of each image, the last ones."""


class Brief(NamedTuple):
    """What is remembered of a key's image."""

    key: str
    unpacked: int
    packed: int | None
    layers: tuple[tuple[str, int], ...]
    """Instruction and unpacked bytes, the lowest first."""
    packages: Mapping[str, int]
    """Bytes by `Package.identity`."""


class Growth(NamedTuple):
    """What an image takes more than that of another key; negative: less."""

    key: str
    """The other key."""
    unpacked: int
    packed: int | None
    layers: tuple[int, ...]
    """Of each layer now; the whole of one that was not there."""
    packages: Mapping[str, int]
    """Of each package that grew, shrank, came or went."""


def brief(key: str, measured: Measured) -> Brief:
    """What to remember of an image."""
    sizes: dict[str, int] = {}
    for each in measured.packages:
        sizes[each.identity] = sizes.get(each.identity, 0) + each.size
    layers = tuple((each.instruction, each.unpacked) for each in measured.layers)
    return Brief(key, measured.unpacked, measured.packed, layers, sizes)


def growth(now: Brief, before: Brief) -> Growth:
    """What grew.

    Layers are told apart by their instructions; one that was edited in its place stays the same.
    """
    packed = None
    if now.packed is not None and before.packed is not None:
        packed = now.packed - before.packed
    layers = tuple(
        size - old for (_, size), old in zip(now.layers, _below(now, before), strict=True)
    )
    names = dict.fromkeys([*now.packages, *before.packages])
    changes = {name: now.packages.get(name, 0) - before.packages.get(name, 0) for name in names}
    moved = {name: change for name, change in changes.items() if change}
    return Growth(before.key, now.unpacked - before.unpacked, packed, layers, moved)


def _below(now: Brief, before: Brief) -> list[int]:
    """Of each layer now, what its counterpart took before; 0: it has none."""
    found = [0] * len(now.layers)
    new, old = ([instruction for instruction, _ in each.layers] for each in (now, before))
    for _, start, end, other, stop in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        for at, place in zip(range(start, end), range(other, stop), strict=False):
            found[place] = before.layers[at][1]
    return found


def remember(state: StateFolder, layer: str, told: Brief) -> None:
    """Keep it for the layer's next keys; that it cannot be written is no error."""
    rows = [row for row in _rows(state, layer) if row["key"] != told.key]
    rows.append({**told._asdict(), "layers": [list(row) for row in told.layers]})
    try:
        write_whole(_path(state, layer), json.dumps(rows[-KEPT:]).encode())
    except OSError:
        return


def remembered(state: StateFolder, layer: str, key: str) -> Brief | None:
    """What was remembered of a key."""
    return next((_brief(row) for row in _rows(state, layer) if row["key"] == key), None)


def last_remembered(state: StateFolder, layer: str, but: str) -> Brief | None:
    """What was remembered last of any key but one."""
    rows = [row for row in _rows(state, layer) if row["key"] != but]
    return _brief(rows[-1]) if rows else None


def _path(state: StateFolder, layer: str) -> str:
    return state.path("measured", f"{layer.replace(':', '.')}.json")


def _rows(state: StateFolder, layer: str) -> list[dict[str, Any]]:
    try:
        with open(_path(state, layer), encoding="utf-8") as file:
            return [row for row in json.load(file) if _brief(row)]
    except (OSError, ValueError, TypeError, KeyError):
        return []


def _brief(row: Mapping[str, Any]) -> Brief:
    packed = row["packed"]
    return Brief(
        str(row["key"]),
        int(row["unpacked"]),
        None if packed is None else int(packed),
        tuple((str(instruction), int(size)) for instruction, size in row["layers"]),
        {str(name): int(size) for name, size in row["packages"].items()},
    )
