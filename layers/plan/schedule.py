"""Schedule: when each piece of work begins and ends, as far as known times alone decide that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from layers.graph.graph import Layer


class Work(NamedTuple):
    """All that one layer needs: it is one task of the run, and holds one of its places."""

    layer: Layer
    seconds: float | None
    """None: nobody knows."""
    after: tuple[Layer, ...] = ()
    """What has to be through before; others than those of the same schedule are there already."""
    known: float = 0.0
    """Seconds of that part of it that is known."""


class Slot(NamedTuple):
    """When a piece of work runs, in seconds from the beginning of the run; None: not known."""

    begin: float | None
    end: float | None


UNKNOWN = Slot(None, None)


def schedule(works: Sequence[Work], at_once: int) -> dict[Layer, Slot]:
    """When each of ``works`` runs: as soon as a place is free, those further ahead first.

    ``works`` come parents first, and each stands in them once.  A time that is told holds whatever
    the unknown ones turn out to be: none of them can move it.
    """
    names = {work.layer for work in works}
    todo = [work._replace(after=tuple(a for a in work.after if a in names)) for work in works]
    slots, now = _until_unknown(todo, max(1, at_once))
    if len(slots) < len(todo):
        _beyond(todo, max(1, at_once), slots, now)
    return {work.layer: slots.get(work.layer, UNKNOWN) for work in todo}


def last(slots: Iterable[Slot]) -> float | None:
    """When all of them are through; None: not known, or there is none."""
    ends = [slot.end for slot in slots]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _until_unknown(works: Sequence[Work], at_once: int) -> tuple[dict[Layer, Slot], float]:
    """The run as it goes until work begins of which nobody knows the end, and when that is."""
    slots: dict[Layer, Slot] = {}
    now = 0.0
    while True:
        for work in works:
            running = sum(1 for slot in slots.values() if slot.end is None or slot.end > now)
            if running == at_once:
                break
            if work.layer not in slots and _through(work.after, slots, now):
                slots[work.layer] = Slot(now, None if work.seconds is None else now + work.seconds)
        ends = [slot.end for slot in slots.values()]
        later = [end for end in ends if end is not None and end > now]
        if None in ends or not later:
            return slots, now
        now = min(later)


def _through(layers: Iterable[Layer], slots: Mapping[Layer, Slot], moment: float) -> bool:
    ends = [slots[each].end if each in slots else None for each in layers]
    return all(end is not None and end <= moment for end in ends)


def _beyond(works: Sequence[Work], at_once: int, slots: dict[Layer, Slot], now: float) -> None:
    """Add to ``slots`` what begins later than ``now`` whatever the unknown times are.

    That is what waits for known ends alone, and finds a place even where all others, but for those
    that are through and those that wait for it, are at work just then.
    """
    below = _below(works)
    found = True
    while found:
        found = False
        for work in works:
            ends = [slots[each].end if each in slots else None for each in work.after]
            known = [end for end in ends if end is not None]
            if work.layer in slots or not known or len(known) < len(ends) or max(known) <= now:
                continue
            ready = max(known)
            others = [w.layer for w in works if w is not work and w.layer not in below[work.layer]]
            rivals = sum(1 for each in others if not _through([each], slots, ready))
            if rivals < at_once:
                end = None if work.seconds is None else ready + work.seconds
                slots[work.layer] = Slot(ready, end)
                found = True


def _below(works: Sequence[Work]) -> dict[Layer, set[Layer]]:
    """For each layer all that wait for it, directly or not."""
    below: dict[Layer, set[Layer]] = {work.layer: set() for work in works}
    for work in reversed(works):
        for each in work.after:
            below[each] |= {work.layer, *below[work.layer]}
    return below
