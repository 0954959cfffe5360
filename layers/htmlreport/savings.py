"""Savings: how long builds took over time, and what they cost that was pulled instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import NamedTuple

from layers.htmlreport.findings import Work

COUNTED = 5
"""Last good builds that make a usual time, as for what a listing expects."""


class Times(NamedTuple):
    """How long the builds of a layer took."""

    layer: str
    builds: tuple[Work, ...]
    """Good ones, oldest first."""
    failed: int

    @property
    def usual(self) -> float | None:
        """Seconds: the median of the last ones, of those of this checkout if there are any.

        None: none was good.
        """
        own = [each for each in self.builds if each.key]
        last = [each.seconds for each in (own or self.builds)[-COUNTED:]]
        return median(last) if last else None


class Hit(NamedTuple):
    """A layer that was fetched in place of being built."""

    layer: str
    pulls: int
    seconds: float
    """Of all its pulls."""
    saved: float | None
    """Seconds that as many builds would have taken more; None: it was never built here."""


def times(works: Iterable[Work]) -> tuple[Times, ...]:
    """Of each layer that was ever built, the slowest first."""
    builds: dict[str, list[Work]] = {}
    for work in works:
        if work.action in ("build", "rootfs"):
            builds.setdefault(work.layer, []).append(work)
    found = [
        Times(layer, tuple(each for each in done if each.ok), sum(not each.ok for each in done))
        for layer, done in builds.items()
    ]
    return tuple(sorted(found, key=lambda each: (-(each.usual or 0), each.layer)))


def hits(works: Sequence[Work]) -> tuple[Hit, ...]:
    """Of each layer that was ever pulled, those that saved most first."""
    usual = {each.layer: each.usual for each in times(works)}
    pulls: dict[str, list[Work]] = {}
    for work in works:
        if work.action == "pull" and work.ok and work.key:
            pulls.setdefault(work.layer, []).append(work)
    found = []
    for layer, done in pulls.items():
        seconds = sum(each.seconds for each in done)
        build = usual.get(layer)
        saved = None if build is None else len(done) * build - seconds
        found.append(Hit(layer, len(done), seconds, saved))
    return tuple(sorted(found, key=lambda each: (-(each.saved or 0), each.layer)))


def saved(found: Iterable[Hit]) -> float | None:
    """Seconds of all hits whose builds are known; None: none is."""
    known = [each.saved for each in found if each.saved is not None]
    return sum(known) if known else None
