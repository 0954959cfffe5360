"""Markdown as GitHub renders it (GFM): text from outside is shown as it is, and makes no markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

Rows = Sequence[Sequence[str]]


def table(head: Sequence[str], rows: Rows, shown: int) -> list[str]:
    """A table with at most ``shown`` rows, and how many more there are."""
    lines = [head, ["---"] * len(head), *rows[:shown]]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more = [f"and {len(rows) - shown} more"] if len(rows) > shown else []
    return [table, *more]


def plain(text: str) -> str:
    """``text`` on one line that GitHub shows as it is: no markup, no mention, no issue link."""
    shown = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "&#64;", "#": "&#35;"}
    shown |= {mark: f"\\{mark}" for mark in "\\`*_[]|~"}
    return "".join(shown.get(letter, letter) for letter in " ".join(text.split()))


def code(text: str) -> str:
    """``text`` as a code span that may stand in a table's cell, "" for nothing."""
    line = " ".join(text.split())
    if not line:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    space = " " if "`" in line[:1] + line[-1:] else ""
    escaped = line.replace("|", "\\|")  # GFM, "Tables": a pipe is escaped in code spans too
    return f"{fence}{space}{escaped}{space}{fence}"


def fenced(lines: Iterable[str]) -> str:
    """Lines of a log as a block of code, below a point of a list."""
    kept = list(lines)
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", "\n".join(kept))), default=0))
    return "\n".join(f"  {line}".rstrip() for line in [fence, *kept, fence])
