"""Tables: what a benchmark found, for a terminal and for docs/benchmarks.md."""

from __future__ import annotations

import datetime
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"

HEAD = "| what | against | tree | ratio: median (min–max) | to reach | reached |"


@dataclass(frozen=True)
class Row:
    """One comparison."""

    what: str
    against: str
    tree: str
    figure: str
    """The ratio, or a difference where the target is one."""
    target: str
    """In words; "" where nothing has to be reached."""
    reached: bool | None
    note: str = ""
    """Medians in seconds, to see what the ratio is made of."""


def as_text(rows: list[Row]) -> str:
    """Lines for a terminal."""
    return "".join(
        f"  {row.what} / {row.against}, {row.tree}: {row.figure}"
        f"{f' [{row.target}: {_verdict(row)}]' if row.target else ''}  {row.note}\n"
        for row in rows
    )


def as_markdown(rows: list[Row]) -> str:
    """A table, with the day and the machine below it."""
    lines = [HEAD, "|" + " --- |" * 6]
    lines += [
        f"| {r.what} | {r.against} | {r.tree} | {r.figure} | {r.target} | {_verdict(r)} |"
        for r in rows
    ]
    notes = [f"- {row.what}, {row.tree}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, "", *notes, "", f"{datetime.date.today()}, {machine()}.", ""])


def _verdict(row: Row) -> str:
    return "" if row.reached is None else "yes" if row.reached else "**no**"


def machine() -> str:
    """What the figures were found on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def write(name: str, rows: list[Row]) -> None:
    """Put a benchmark's table between its marks in docs/benchmarks.md."""
    text = DOCUMENT.read_text(encoding="utf-8")
    mark = re.compile(rf"(<!-- bench {name} -->\n).*?(<!-- end {name} -->)", re.S)
    if not mark.search(text):
        raise KeyError(f"{DOCUMENT} has no marks for {name}")
    table = as_markdown(rows)
    DOCUMENT.write_text(mark.sub(lambda m: m[1] + table + m[2], text), encoding="utf-8")
