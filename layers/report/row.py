"""Rows: a layer at work as one line of a terminal, in just so many cells."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from layers.report.work import Work
from layers.runtime import units

NARROWEST = 10
"""Cells; with fewer a part of a row makes no sense."""
_DOING = 24
"""Cells that the step has before its last line gets any."""
_LINE = 12
"""Cells that a last line needs."""
_GAP = "  "


def row(work: Work, now: float, width: int, mark: str, names: int, *, utf: bool = True) -> Text:
    """``mark name  step 4/16 RUN …  last line  0:41 of about 3:20`` in at most ``width`` cells.

    ``names`` are the cells of the longest name on the screen.  With little room the last line goes
    first, then what is expected, then the step.
    """
    name = set_cell_size(work.layer, min(names, max(width // 3, NARROWEST)))
    clock = work.clock(now)
    room = width - cell_len(f"{mark} {name}") - cell_len(clock) - 2 * len(_GAP)
    if room < NARROWEST:
        clock = units.clock(now - work.began)
        room = width - cell_len(f"{mark} {name}") - cell_len(clock) - 2 * len(_GAP)
    if room < 1:
        return _short(work, width, mark, clock)
    doing, line = _shares(_fitting(work.doing(now), room), work.line, room, utf=utf)
    text = Text.assemble(
        (mark, "cyan"),
        f" {name}{_GAP}{cut(doing, room, utf=utf)}",
        (f"{_GAP}{cut(line, room - cell_len(doing) - len(_GAP), utf=utf)}" if line else "", "dim"),
    )
    text.append(" " * (width - cell_len(clock) - text.cell_len))
    text.append(clock, "dim")
    text.no_wrap = True
    return text


def _short(work: Work, width: int, mark: str, clock: str) -> Text:
    """A name and a clock, or the name alone."""
    room = width - cell_len(mark) - cell_len(clock) - 1 - len(_GAP)
    text = Text(set_cell_size(f"{mark} {work.layer}", width), no_wrap=True)
    if room >= 1:
        text = Text(f"{mark} {set_cell_size(work.layer, room)}{_GAP}{clock}", no_wrap=True)
    text.rstrip()
    return text


def _fitting(texts: Sequence[str], room: int) -> str:
    """The longest of some texts that fits, or else the shortest."""
    return next((text for text in texts if cell_len(text) <= room), texts[-1])


def _shares(doing: str, line: str, room: int, *, utf: bool) -> tuple[str, str]:
    """What of step and last line stands in ``room`` cells: the step in full, if it can be."""
    rest = room - len(_GAP) - cell_len(doing)
    if line and rest < min(_LINE, cell_len(line)) and room >= _DOING + len(_GAP) + _LINE:
        share = max(_DOING, room - len(_GAP) - max(_LINE, min(cell_len(line), room * 2 // 5)))
        doing = cut(doing, share, utf=utf)
        rest = room - len(_GAP) - cell_len(doing)
    return doing, line if rest >= min(_LINE, cell_len(line)) else ""


def cut(text: str, room: int, *, utf: bool = True) -> str:
    """A text in at most ``room`` cells, with a sign that there was more."""
    if cell_len(text) <= room:
        return text
    return set_cell_size(text, max(room - 1, 0)).rstrip() + ("…" if utf else "~")
