"""Due: the whole rule of when a base is built anew, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hashes.nothing import NOTHING
from layers.lock.epochs import NEXT, Base, Fixed
from layers.lock.git import Commit


class Night(NamedTuple):
    """What was found out about one base before anything is built."""

    base: Base | None
    """What the lock knows; None: it was never refreshed."""
    pins: Mapping[str, Fixed] = NOTHING
    """What counts for it now, named as in `Epoch.upstream`; absent: not pinned."""
    found: Mapping[str, Fixed] = NOTHING
    """What tags, and branches of git addresses, point at; absent: the tag is gone."""
    present: bool = True
    """Whether an image with its present key is in the engine or the registry."""
    probe: str = ""
    """Hash of what the probe said in that image; "" when it was not asked, or there is none."""


def due(night: Night, refreshed_parents: Iterable[str] = ()) -> tuple[str, ...]:
    """Why the base has to be built anew, in words; empty when it has not.

    A pure function: the same values give the same answer.
    """
    base = night.base
    if base is None:
        return ("it was never refreshed",)
    reasons = []
    if not night.present:
        reasons.append("no image with its key is in the engine or the registry")
    for name, digest in night.found.items():
        pinned = night.pins.get(name)
        if digest not in (pinned, base.seen.get(name)):
            reasons.append(f"{name} moved: {short(pinned)} → {short(digest)}")
    if night.probe and base.now.probe not in (night.probe, NEXT):
        reasons.append("its probe says something else" if base.now.probe else "its probe is new")
    reasons += [f"{parent} below it was refreshed" for parent in refreshed_parents]
    return tuple(reasons)


def moved(night: Night) -> tuple[str, ...]:
    """The upstreams that point elsewhere than what counts for the base."""
    return tuple(name for name, digest in night.found.items() if digest != night.pins.get(name))


def short(fixed: Fixed | None) -> str:
    """A digest or a commit as a sentence shows it."""
    if fixed is None:
        return "not pinned"
    return f"{fixed.text[: 12 if isinstance(fixed, Commit) else 19]}…"


def groups(
    bases: Iterable[str],
    due_now: Mapping[str, object],
    ancestors: Mapping[str, frozenset[str]],
    shared: Mapping[str, frozenset[str]],
) -> tuple[tuple[str, ...], ...]:
    """The bases that succeed or fail as one: those due, with all that is built on them.

    ``bases`` come parents first, and so do those of each group. ``ancestors`` are the bases below
    each; ``shared`` its upstreams that moved. Two are of one group when one is built on the other,
    or a moved upstream is below both.
    """
    order = list(bases)
    concerned = [name for name in order if name in due_now or ancestors[name] & set(due_now)]
    found: list[set[str]] = []
    for name in concerned:
        mine = {name}
        rest = []
        for group in found:
            linked = any(
                other in ancestors[name] or name in ancestors[other] or shared[name] & shared[other]
                for other in group
            )
            if linked:
                mine |= group
            else:
                rest.append(group)
        found = [*rest, mine]
    return tuple(tuple(name for name in order if name in group) for group in found)
