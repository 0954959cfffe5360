"""Listing: layers and what is to be done about them, as a tree for eyes or as lines for a pipe."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from layers.runtime import units

NARROWEST = 32
"""Columns that a reason needs beside the rest; with fewer it stands below its row."""

PAINT = {"fresh": "32", "pull": "36", "assemble": "36", "build": "33", "error": "31"}
DIM = "2"
_HEADS = ("image", "state", "where", "size", "age", "time", "why")
_LEADS = {True: ("├─ ", "└─ ", "│  ", "   "), False: ("|- ", "`- ", "|  ", "   ")}
_RIGHT = (3, 5)
"""Columns of numbers."""


class Row(NamedTuple):
    """A layer."""

    name: str
    parents: tuple[str, ...]
    """What it is made from, nearest first, rows or not."""
    state: str
    where: str = ""
    size: int | None = None
    """Bytes."""
    created: float | None = None
    """Unix seconds."""
    expected: float | None = None
    """Seconds."""
    reasons: tuple[str, ...] = ()
    """First cause first; empty where the state says all."""
    problem: str = ""
    """What stands in the way, with all its lines."""

    def cells(self, now: float, nothing: str) -> list[str]:
        """All columns but the last; ``nothing`` stands where there is nothing to tell."""
        moves = self.state in ("build", "pull")
        size = units.size(self.size) if self.size is not None else ""
        time = units.about(self.expected) if self.expected is not None else ""
        return [
            self.name,
            self.state,
            self.where or nothing,
            size or ("?" if self.state in ("fresh", "pull") else nothing),
            units.age(now - self.created) if self.created is not None else nothing,
            time or ("?" if moves else nothing),
        ]

    def why(self) -> tuple[str, str]:
        """The first reason, and how many more there are: ``+2 more``."""
        lines = [reason.partition("\n")[0].strip() for reason in self.reasons]
        if not lines:
            return "", ""
        return lines[0], f"+{len(lines) - 1} more" if lines[1:] else ""


def as_lines(rows: Sequence[Row], summary: str, now: float) -> str:
    """For a pipe: a line a row in the order of ``rows``, columns aligned and parted by a tab.

    ``-`` stands where there is nothing to tell, ``?`` where nobody knows.
    """
    table = [row.cells(now, "-") for row in rows]
    widths = [max(len(cells[column]) for cells in table) for column in range(6)] if table else []
    lines = []
    for row, cells in zip(rows, table, strict=True):
        padded = [f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)]
        problem = [line.strip() for line in row.problem.splitlines()]
        reason = " ".join(filter(None, row.why()))
        if not reason and problem:
            reason = problem.pop(0)
        lines.append("\t".join([*padded, reason or "-"]))
        lines += [f"  {line}" for line in problem]
    return "".join(f"{line}\n" for line in [*lines, "", summary])


def as_tree(
    rows: Sequence[Row], summary: str, now: float, *, width: int, color: bool, utf: bool = True
) -> str:
    """For a terminal of ``width`` columns: each row below what it is made from, then the sum.

    Columns in which nobody has anything to tell are left out, and as many of the others as it
    takes to fit.
    """
    if not rows:
        return f"{summary}\n"
    table = [(row, lead, under, row.cells(now, "")) for row, lead, under in _tree(rows, utf)]
    shown = [[lead + cells[0], *cells[1:]] for _row, lead, _under, cells in table]
    columns = _fitting(shown, width)
    widths = {n: max(len(_HEADS[n]), *(len(cells[n]) for cells in shown)) for n in columns}
    left = sum(widths.values()) + 2 * len(widths)
    beside = width - left >= NARROWEST
    reasons = any(row.reasons for row in rows)

    def line(cells: Sequence[str], tail: str, paint: str) -> str:
        parts = []
        for n in columns:
            text = f"{cells[n]:>{widths[n]}}" if n in _RIGHT else f"{cells[n]:<{widths[n]}}"
            parts.append(painted(text, paint, color and n == 1))
        return "  ".join([*parts, tail]).rstrip()

    heads = "  ".join(
        f"{_HEADS[n]:>{widths[n]}}" if n in _RIGHT else f"{_HEADS[n]:<{widths[n]}}" for n in columns
    )
    heads = f"{heads}  {_HEADS[6]}" if beside and reasons else heads
    lines = [painted(heads.rstrip(), DIM, color)]
    for (row, _lead, under, _cells), cells in zip(table, shown, strict=True):
        reason, more = row.why()
        tail = cut(reason, more, width - left) if beside else ""
        lines.append(line(cells, tail, PAINT.get(row.state, "0")))
        if reason and not beside:
            lines.append(f"{under}  {cut(reason, more, width - len(under) - 2)}")
        for text in row.problem.splitlines():
            room = max(20, width - len(under) - 2)
            lines += [f"{under}  {part}" for part in textwrap.wrap(text.strip(), room)]
    lines += ["", *textwrap.wrap(summary, max(20, width))]
    return "".join(f"{each}\n" for each in lines)


def painted(text: str, paint: str, color: bool) -> str:
    """A text in an SGR colour (ECMA-48), where there is colour; blanks have none."""
    return f"\x1b[{paint}m{text}\x1b[0m" if color and text.strip() else text


def _fitting(table: Sequence[Sequence[str]], width: int) -> list[int]:
    """The columns that have something to tell, without those that go first where it is narrow."""
    columns = [0, 1, *(n for n in range(2, 6) if any(cells[n].strip("?") for cells in table))]
    for dispensable in (2, 4, 3, 5):
        wide = sum(max(len(_HEADS[n]), *(len(c[n]) for c in table)) + 2 for n in columns) - 2
        if wide > width and dispensable in columns:
            columns.remove(dispensable)
    return columns


def cut(reason: str, more: str, room: int) -> str:
    """A reason in ``room`` cells; how many more there are is never cut."""
    tail = f"  {more}" if more else ""
    room -= len(tail)
    if width_of(reason) <= room:
        return reason + tail
    while reason and width_of(reason) > room - 1:
        reason = reason[:-1]
    return f"{reason.rstrip()}…{tail}"


def width_of(text: str) -> int:
    """Cells that a text takes on a screen; rich knows of wide and of combined characters."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _tree(rows: Sequence[Row], utf: bool) -> Iterable[tuple[Row, str, str]]:
    """Rows below those that they are made from, each with what leads it and what is below it.

    A layer with several parents stands once, below the nearest; that of which no parent is shown
    stands at the left.
    """
    by_name = {row.name: row for row in rows}
    below: dict[str, list[Row]] = {}
    for row in rows:
        home = next((name for name in row.parents if name in by_name and name != row.name), "")
        below.setdefault(home, []).append(row)
    yield from _branch(below, "", "", _LEADS[utf], top=True)


def _branch(
    below: Mapping[str, Sequence[Row]],
    name: str,
    lead: str,
    leads: tuple[str, str, str, str],
    *,
    top: bool = False,
) -> Iterable[tuple[Row, str, str]]:
    fork, last, through, blank = leads
    rows = below.get(name, ())
    for place, row in enumerate(rows):
        ends = place == len(rows) - 1
        own = "" if top else lead + (last if ends else fork)
        children = "" if top else lead + (blank if ends else through)
        yield row, own, children + (through if row.name in below else "")
        yield from _branch(below, row.name, children, leads)


def summed(
    *,
    build: int,
    pull: int,
    assemble: int,
    fresh: int,
    error: int,
    seconds: float | None,
    unknown: int,
    size: int | None,
) -> str:
    """One line: ``2 to build (≈ 26 min), 1 to pull (up to 4.1 GB), 3 fresh``.

    ``seconds`` are without the ``unknown`` builds that were never seen, ``size`` is in bytes.
    """
    parts = []
    if build:
        times = [f"≈ {units.about(seconds)}"] if seconds is not None else []
        times += [f"{unknown} never built here"] if unknown and times else []
        parts.append(f"{build} to build ({', '.join(times) or 'never built here'})")
    if pull:
        parts.append(f"{pull} to pull" + (f" (up to {units.size(size)})" if size else ""))
    if assemble:
        parts.append(f"{assemble} to assemble")
    if fresh or not (build or pull or assemble or error):
        parts.append(f"{fresh} fresh")
    if error:
        parts.append(f"{error} that cannot be made")
    return ", ".join(parts)
