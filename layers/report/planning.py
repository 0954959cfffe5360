"""Planning: what a run will do, in its order, as a table for eyes or as lines for a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from layers.report.listing import DIM, PAINT, cut, painted, width_of
from layers.runtime import units

NARROWEST = 16
"""Columns that names of what a row waits for need beside it; with fewer they stand below it."""
_BARS = (20, 60)
"""Columns of the bars: at least, and at most."""

_HEADS = ("image", "does", "begins", "takes", "bytes", "after")
_RIGHT = (2, 3, 4)
"""Columns of numbers."""


class Planned(NamedTuple):
    """What is done about a layer."""

    name: str
    does: tuple[str, ...]
    """``pull``, ``build``, ``push`` …, in this order; ``error``: nothing can be."""
    begin: float | None = None
    """Seconds from now; None: it depends on what nobody knows."""
    seconds: float | None = None
    size: int | None = None
    """Bytes to be pulled or pushed."""
    after: tuple[str, ...] = ()
    """Rows that have to be through before."""
    problem: str = ""
    """What stands in the way, with all its lines."""

    def cells(self, nothing: str) -> list[str]:
        """All columns; ``nothing`` stands where there is nothing to tell."""
        if self.problem:
            return [self.name, *self.does, nothing, nothing, nothing, nothing]
        begin = "?" if self.begin is None else units.about(self.begin) if self.begin else "now"
        moves = {"pull", "push"} & {*self.does}
        size = units.size(self.size) if self.size is not None else "?" if moves else nothing
        return [
            self.name,
            ", ".join(self.does),
            begin,
            units.about(self.seconds) if self.seconds is not None else "?",
            size,
            ", ".join(self.after) or nothing,
        ]


def as_lines(rows: Sequence[Planned], summary: str) -> str:
    """For a pipe: a line a row, columns aligned and parted by a tab; then the sum.

    ``-`` stands where there is nothing to tell, ``?`` where nobody knows.
    """
    table = [row.cells("-") for row in rows]
    widths = [max(len(cells[column]) for cells in table) for column in range(5)] if table else []
    lines = []
    for row, cells in zip(rows, table, strict=True):
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)]
        lines.append("\t".join([*padded, cells[5]]))
        lines += [f"  {line.strip()}" for line in row.problem.splitlines()]
    return "".join(f"{line}\n" for line in [*lines, *([""] if rows else []), summary])


def as_table(
    rows: Sequence[Planned], summary: str, *, width: int, color: bool, utf: bool = True
) -> str:
    """For a terminal of ``width`` columns: a row a layer, bars beside each other, then the sum.

    Where it is narrow the bars are left out first, and then sizes; names of what a row waits for
    stand below it where there is no room beside it.
    """
    if not rows:
        return f"{summary}\n"
    table = [row.cells("") for row in rows]
    columns = _fitting(table, width)
    widths = {n: _widest(table, n) for n in columns}
    widths[0] = min(widths[0], width - sum(widths.values()) + widths[0] - 2 * len(widths) + 2)
    left = sum(widths.values()) + 2 * len(widths)
    beside = any(cells[5] for cells in table) and width - left >= NARROWEST
    after = min(_widest(table, 5), width - left) if beside else 0
    bars = min(width - left - (after + 2 if beside else 0), _BARS[1])
    drawn = _bars(rows, bars, utf) if bars >= _BARS[0] else [""] * len(rows)

    def line(cells: Sequence[str], paint: str = "", bar: str = "") -> str:
        parts = []
        for n in columns:
            text = cut(cells[n], "", widths[n])
            pad = " " * (widths[n] - width_of(text))
            padded = pad + text if n in _RIGHT else text + pad
            parts.append(painted(padded, paint, bool(paint) and n == 1))
        if beside:
            tail = cut(cells[5], "", after)
            parts.append(tail + " " * (after - width_of(tail)))
        return "  ".join([*parts, bar]).rstrip()

    lines = [painted(line([*_HEADS[:5], _HEADS[5] if beside else ""]), DIM, color)]
    for row, cells, bar in zip(rows, table, drawn, strict=True):
        lines.append(line(cells, PAINT.get(row.does[0], "0") if color else "", bar))
        if cells[5] and not beside:
            lines.append(f"  {cut(f'after {cells[5]}', '', width - 2)}")
        for text in row.problem.splitlines():
            lines += [f"  {part}" for part in textwrap.wrap(text.strip(), max(20, width - 2))]
    lines += ["", *textwrap.wrap(summary, max(20, width))]
    return "".join(f"{each}\n" for each in lines)


def _widest(table: Sequence[Sequence[str]], column: int) -> int:
    return max(len(_HEADS[column]), *(width_of(cells[column]) for cells in table))


def _fitting(table: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns but the last, without sizes where nobody knows any, or has no room for them."""
    columns = [0, 1, 2, 3, 4]
    wide = sum(_widest(table, n) + 2 for n in columns) - 2
    if wide > width or not any(cells[4].strip("?") for cells in table):
        columns.remove(4)
    return columns


def _bars(rows: Sequence[Planned], width: int, utf: bool) -> list[str]:
    """When each row runs, to one scale: those above each other in a column run side by side."""
    ends = [r.begin + (r.seconds or 0.0) for r in rows if r.begin is not None]
    whole = max(ends, default=0.0)
    if not whole:
        return [""] * len(rows)
    found = []
    for row in rows:
        if row.begin is None or row.problem:
            found.append("")
            continue
        first = min(round(row.begin / whole * width), width - 1)
        if row.seconds is None:
            found.append(" " * first + "?")
            continue
        length = max(1, round((row.begin + row.seconds) / whole * width) - first)
        found.append(" " * first + ("█" if utf else "#") * length)
    return found
