"""Grids: what something is made of, over its last keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from layers.htmlreport.findings import Weight

COLUMNS = 4
"""Keys that are shown beside one another."""


class Row(NamedTuple):
    """A filesystem layer or a package."""

    name: str
    sizes: tuple[int | None, ...]
    """Bytes at each key, oldest first; None: it was not there."""

    @property
    def change(self) -> int | None:
        """Bytes since the key before; None: there is no key before, or it was not there."""
        before = self.sizes[-2] if self.sizes[1:] else None
        return None if before is None or self.sizes[-1] is None else self.sizes[-1] - before

    @property
    def new(self) -> bool:
        """Whether the key before was without it."""
        return len(self.sizes) > 1 and self.sizes[-2] is None


class Grid(NamedTuple):
    """Rows over keys."""

    times: tuple[float, ...]
    """When each key was made, in Unix seconds, oldest first."""
    rows: tuple[Row, ...]


def by_part(weights: Sequence[Weight]) -> Grid:
    """Filesystem layers of the last key that tells them, lowest first."""
    known = [each for each in weights if each.parts][-COLUMNS:]
    return _grid(known, [_parts(each) for each in known])


def by_package(weights: Sequence[Weight], most: int) -> Grid:
    """The largest packages of the last key that was measured."""
    known = [each for each in weights if each.packages][-COLUMNS:]
    grid = _grid(known, [{each.name: each.size for each in one.packages} for one in known])
    return grid._replace(rows=grid.rows[:most])


def _parts(weight: Weight) -> Mapping[str, int]:
    """By what made them; of equal ones the second is another."""
    found: dict[str, int] = {}
    for part in weight.parts:
        name, number = part.made_by, 1
        while name in found:
            number += 1
            name = f"{part.made_by} ({number})"
        found[name] = part.size
    return found


def _grid(weights: Sequence[Weight], columns: Sequence[Mapping[str, int]]) -> Grid:
    names = columns[-1] if columns else ()
    rows = tuple(Row(name, tuple(each.get(name) for each in columns)) for name in names)
    return Grid(tuple(each.time for each in weights), rows)
