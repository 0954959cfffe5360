"""The ledger: whether BuildKit can still hold, under one name, a file that is not ours now.

BuildKit remembers what a client sent under a name (the base name of the context and the client's
node id) and is sent again only what differs in kind, size, mtime, mode, owner or link text
(fsutil, diff_containerd.go). A directory's mode arrives, but not in what the cache of steps is
looked up by (diskwriter.go; moby/buildkit#7176), and extended attributes are not compared at all.
So a name is good as long as, for everything that was ever sent under it, equal evidence means
equal content. When it does not, the build takes a new name, and everything is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """One path as it is sent: BuildKit's evidence, and what it stands for."""

    context: str
    """"" for the build's own context, else the name of a named one."""
    path: str
    kind: str
    """``file``, ``dir``, ``link`` or ``other``."""
    size: int
    """Bytes; 0 for all but files."""
    mtime: int
    """Nanoseconds; BuildKit compares all of them. 0 for directories, where it compares none."""
    mode: int
    value: str
    """The content's identity: hash and extended attributes, or a link's text."""

    @property
    def evidence(self) -> tuple[object, ...]:
        """What BuildKit compares; a directory's mode is not, since a new one is seen too late."""
        if self.kind == "dir":
            return (self.kind,)
        return self.kind, self.size, self.mtime, self.mode


KEPT_ROWS = 4
"""Rows a path, on the average, before a name is given up for a short memory's sake."""

FEW_ROWS = 4_000
"""Rows that are kept in any case."""


@dataclass
class Ledger:
    """Everything that was ever sent under one name, to whatever engine.

    A union, not the last state: BuildKit may hold several copies under a name, older ones too,
    or none, and every one of them holds only rows of this.
    """

    rows: set[Row] = field(default_factory=set)
    selections: set[str] = field(default_factory=set)
    """What chose the paths, each time: sources, ignore patterns, links."""

    def add(self, selection: str, rows: Iterable[Row]) -> list[Row]:
        """Take in what is about to be sent; gives what was not known yet."""
        fresh = [row for row in rows if row not in self.rows]
        self.rows.update(fresh)
        self.selections.add(selection)
        return fresh

    def doubt(self, selection: str, rows: Sequence[Row]) -> str:
        """Why BuildKit may take something older for one of these rows; "" when it cannot."""
        if len(self.rows) > KEPT_ROWS * len(rows) + FEW_ROWS:
            return "much was sent under this name"
        fresh = {(row[0], row[1]): row for row in rows if row not in self.rows}
        if not fresh:
            return ""
        known = set()
        for each in self.rows:
            row = fresh.get((each[0], each[1]))
            if row is None:
                continue
            known.add(row)
            if each.kind != row.kind:
                return f"{row.path} was a {each.kind} and is a {row.kind}"
            if each.evidence == row.evidence:
                return f"{row.path} changed, but {_unchanged(row)}"
        if self.selections - {selection}:
            # Another selection may have sent it unnoticed: fsutil's patterns take more along
            # than COPY copies ("**" is any depth to them), and of a named context all is sent.
            for row in fresh.values():
                if row not in known:
                    return f"{row.path} is read for the first time"
        return ""


def _unchanged(row: Row) -> str:
    return "a directory's mode is not compared" if row.kind == "dir" else "not its size and mtime"
