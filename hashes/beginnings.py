"""Beginnings: what a stage is made from up to a step, as if its Dockerfile ended there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hashes.dockerfile.instruction import Instruction
from hashes.manifest import Entry, Manifest

Make = Callable[[tuple[Entry, ...], tuple[str, ...]], Manifest]
"""Gives a manifest for entries and the names of what nothing fixes."""


def ends(instructions: Sequence[Instruction]) -> frozenset[int]:
    """After which of some instructions, by number, a beginning may be of use.

    What comes after a RUN that is not the last has to run as well.  Any other step may have to:
    that is for whoever divides them to say, by its words and not by its keyword alone.
    """
    runs = (number for number, item in enumerate(instructions) if item.keyword == "RUN")
    last = max(runs, default=0)
    return frozenset(
        number
        for number, item in enumerate(instructions)
        if number >= last and (item.keyword in ("RUN", "COPY", "ADD") or item.raw)
    )


class _Mark(NamedTuple):
    entries: int
    config: tuple[Entry, ...]
    unpinned: tuple[str, ...]


class Beginnings:
    """Those of one stage that end with a step after which others need not run: see `ends`."""

    def __init__(self, make: Make, head: Sequence[Entry], steps: Sequence[Entry]) -> None:
        """``steps`` grows while the stage is walked through."""
        self._make = make
        self._head = head
        self._steps = steps
        self._marks: dict[int, _Mark] = {}

    def mark(self, count: int, config: Sequence[Entry], unpinned: Sequence[str]) -> None:
        """Note where the first ``count`` instructions end; triggers of the base are among them."""
        self._marks[count] = _Mark(len(self._steps), tuple(config), tuple(unpinned))

    def manifest(self, count: int) -> Manifest:
        """What the first ``count`` instructions make.  Raises KeyError where no such step ends."""
        mark = self._marks[count]
        entries = (*self._head, *self._steps[: mark.entries], *mark.config)
        return self._make(entries, mark.unpinned)
