"""The sweep: what goes and what stays, as a pure function of what there is and what is needed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from layers.gc.item import Found, Place
from layers.gc.roots import Roots
from layers.oci.digest import Digest

DAY = 86_400.0
"""Seconds after which a claim is nobody's any more: a push renews it every few seconds."""


@dataclass(frozen=True)
class Staying:
    """Something that stays, and why."""

    found: Found
    reason: str


@dataclass(frozen=True)
class Going:
    """Something that may go, and why."""

    found: Found
    reason: str
    size: int = 0
    """Bytes that nothing which stays needs; what several need that go counts for the first."""
    below: tuple[Digest, ...] = ()
    """Manifests that go with it."""


@dataclass(frozen=True)
class Sweep:
    """The verdict on all that was found; each thing is in one of the two, in the order given.

    Of what goes, attachments and records come last: an image that is saved at the last moment keeps
    its own.
    """

    goes: tuple[Going, ...] = ()
    stays: tuple[Staying, ...] = ()

    def size(self, place: Place) -> int:
        """Bytes that become free at a place."""
        return sum(each.size for each in self.goes if each.found.place == place)


def make_sweep(things: Iterable[Found], roots: Roots, *, keep: int, now: float) -> Sweep:
    """Judge everything that was found; of each layer the newest ``keep`` keys stay.

    ``now`` in Unix seconds. What belongs to something that stays, stays with it; so do records of
    its filesystem layers in its repository.
    """
    found = list(things)
    newest = _newest(found, keep)
    pushed = {key for each in found if each.claims and _fresh(each, now) for key in each.keys}
    stays: dict[int, str] = {}
    for number, each in enumerate(found):
        reason = _needed(each, roots, pushed, number in newest, keep, now)
        if reason:
            stays[number] = reason
    _follow(found, stays)
    return _told(found, stays, keep)


def _needed(
    each: Found, roots: Roots, pushed: set[str], newest: bool, keep: int, now: float
) -> str:
    """Why something stays on its own account; empty: no reason."""
    if each.doubt:
        return each.doubt
    if each.claims:
        return "a claim younger than a day" if _fresh(each, now) else ""
    if reason := roots.why(each):
        return reason
    if each.elsewhere:
        return f"it has another name too: {each.elsewhere[0]}"
    if each.moving:
        return "a tag that people use points at it"
    if pushed & each.keys:
        return "somebody is pushing this key"
    if newest:
        return "the newest of its layer" if keep == 1 else f"one of the newest {keep} of its layer"
    return ""


def _fresh(claim: Found, now: float) -> bool:
    return now - claim.created < DAY


def _newest(found: Sequence[Found], keep: int) -> set[int]:
    """The newest of each line; only keys count, and copies of upstreams, if they have a tag."""
    lines: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, each in enumerate(found):
        counts = each.tags and (each.keys or each.mirror) and not each.doubt
        if counts and not each.subjects and not each.claims and each.record is None:
            lines[each.line].append(number)
    chosen: set[int] = set()
    for line in lines.values():
        line.sort(key=lambda number: (-found[number].created, found[number].digest))
        chosen.update(line[:keep])
    return chosen


def _follow(found: Sequence[Found], stays: dict[int, str]) -> None:
    """Add what belongs to something that stays, and what that consists of, until nothing is new."""
    whole: set[tuple[str, str, Digest]] = set()
    layers: set[tuple[str, str]] = set()

    def place(each: Found, digest: Digest) -> tuple[str, str, Digest]:
        return (each.place, "" if each.place == "engine" else each.repository, digest)

    fresh = list(stays)
    while fresh:
        for number in fresh:
            each = found[number]
            whole.update(place(each, digest) for digest in (*each.digests, *each.below))
            if each.place == "registry":
                layers.update((each.repository, part) for part in each.parts)
        fresh = []
        for number, each in enumerate(found):
            if number in stays:
                continue
            if place(each, each.digest) in whole:
                stays[number] = "it is part of something that stays"
            elif any(place(each, one) in whole for one in each.subjects):
                stays[number] = "it belongs to an image that stays"
            elif each.record is not None and (each.repository, each.record.text) in layers:
                stays[number] = "it tells what is in a layer of an image that stays"
            else:
                continue
            fresh.append(number)


def _told(found: Sequence[Found], stays: dict[int, str], keep: int) -> Sweep:
    counted = {(found[n].place, part) for n in stays for part in found[n].parts}
    held = {(found[n].repository, one) for n in stays for one in _manifests(found[n])}
    goes = []
    for number, each in enumerate(found):
        if number in stays:
            continue
        size = 0
        for part, count in each.parts.items():
            if (each.place, part) not in counted:
                counted.add((each.place, part))
                size += count
        below = tuple(one for one in each.below if (each.repository, one) not in held)
        goes.append(Going(each, _obsolete(each, keep), size, below))
    return Sweep(
        tuple(sorted(goes, key=lambda each: bool(each.found.subjects or each.found.record))),
        tuple(Staying(found[number], stays[number]) for number in sorted(stays)),
    )


def _manifests(each: Found) -> tuple[Digest, ...]:
    return (each.digest, *each.below)


def _obsolete(each: Found, keep: int) -> str:
    if each.claims:
        return "a claim that was given up"
    if each.subjects:
        return "what it belongs to is gone or goes"
    if each.record is not None:
        return "no image that stays has the layer that it is of"
    if not each.tags:
        return "no name points at it"
    if keep == 0:
        return "nothing needs it"
    older = "an older copy than the newest" if each.mirror else "older than the newest"
    return older if keep == 1 else f"{older} {keep}"
