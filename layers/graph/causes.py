"""Causes: why an image's key is another than an earlier one, down to the first cause."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from hashes.change import FILES, Change
from hashes.diff import changes
from hashes.manifest import CONFIG
from layers.graph.lockfiles import differences
from layers.graph.record import Record

KEY = "key "
"""How a manifest's entry begins that names an image of ours."""


Recall = Callable[[str], Record | None]
"""Gives what a key was made from, by the key's text; None when nobody here knows."""


class Cause(NamedTuple):
    """One change, told of the image in which somebody made it."""

    image: str
    change: Change


def why(old: Record, new: Record) -> tuple[Change, ...]:
    """What changed from one record to another, first cause first, each once.

    A changed stage is told by what changed in it; a changed parent image by its name, since its
    own row tells the rest.
    """
    return tuple(cause.change for cause in explain(old, new, None))


def explain(old: Record, new: Record, recall: Recall | None) -> tuple[Cause, ...]:
    """The same, and a changed parent image is told by what changed in it, if that is known."""
    once: dict[tuple[str, str], Cause] = {}
    for cause in _Walk(recall).record(old, new):
        once.setdefault((cause.image, cause.change.text()), cause)
    found = list(once.values())
    if old.profile != new.profile and any(_by_profile(cause.change) for cause in found):
        found.insert(0, Cause(new.image, Change("profile", "profile", old.profile, new.profile)))
    return tuple(found)


class _Walk:
    """Goes down from a layer to those that it is made from; tells of each one time."""

    def __init__(self, recall: Recall | None) -> None:
        self.recall = recall
        self.seen: set[tuple[str, str]] = set()

    def record(self, old: Record, new: Record) -> Iterator[Cause]:
        found = list(self.stage(old, new, changes(old.own, new.own)))
        if old.ignored != new.ignored:
            at = next((n for n, each in enumerate(found) if _by_ignore(each, new)), None)
            if at is not None:  # else: what the ignore file says now makes no difference
                found[at:at] = _ignored(old, new)
        yield from found

    def stage(self, old: Record, new: Record, found: Iterable[Change]) -> Iterator[Cause]:
        for change in found:
            if change.kind in ("stage", "image") and change.old and change.new:
                yield from self.parent(old, new, change)
            else:
                for each in _located(old, new, change):
                    yield Cause(new.image, each)
                was, now = change.old or "", change.new or ""
                if was in old.stages and now in new.stages and now not in old.stages:
                    renamed = self.below(old, new, was, now)
                    yield from (cause for cause in renamed if cause != _UNKNOWN)

    def parent(self, old: Record, new: Record, change: Change) -> Iterator[Cause]:
        told: Iterator[Cause] | None = None
        if change.kind == "stage":
            told = self.below(old, new, change.name, change.name)
        elif self.recall is not None and (change.old or "")[:4] == (change.new or "")[:4] == KEY:
            told = self.image(change, self.recall)
        first = next(told, None) if told is not None else None
        if told is None or first == _UNKNOWN:
            for each in _located(old, new, change):
                yield Cause(new.image, each)
        elif first is not None:
            yield first
            yield from told

    def below(self, old: Record, new: Record, was: str, now: str) -> Iterator[Cause]:
        if (new.image, now) in self.seen:
            return
        self.seen.add((new.image, now))
        if was not in old.stages or now not in new.stages:
            yield _UNKNOWN
            return
        # The stage is read for its files: its configuration is no cause.
        every = changes(old.stages[was], new.stages[now])
        found = [change for change in every if change.kind != CONFIG]
        yield from self.stage(old, new, found) if found else (_UNKNOWN,)

    def image(self, change: Change, recall: Recall) -> Iterator[Cause]:
        keys = (change.old or "").removeprefix(KEY), (change.new or "").removeprefix(KEY)
        if keys in self.seen:
            return
        self.seen.add(keys)
        was, now = recall(keys[0]), recall(keys[1])
        yield from self.record(was, now) if was and now else (_UNKNOWN,)


_UNKNOWN = Cause("", Change("unknown", "", None, None))
"""Nothing more is known than that a parent is another."""


def _located(old: Record, new: Record, change: Change) -> Iterator[Change]:
    """The change with the file that it stands in; one of a lock file as those of its packages."""
    record = old if change.new is None else new
    if change.kind not in FILES:
        yield change._replace(file=record.dockerfile if change.line else "")
        return
    folder = record.folders.get(change.origin, "")
    path = posixpath.normpath(posixpath.join(folder, change.name))
    before, after = old.packages.get(path), new.packages.get(path)
    if before and after and change.old and change.new:
        found = [
            Change("package", name, was, now, file=path, origin=change.origin)
            for name, was, now in differences(before, after)
        ]
        if found:
            yield from found
            return
    yield change._replace(file=path)


def _by_ignore(cause: Cause, new: Record) -> bool:
    change = cause.change
    whole = change.old is None or change.new is None
    return cause.image == new.image and change.kind in FILES and whole and not change.origin


def _ignored(old: Record, new: Record) -> Iterator[Cause]:
    for path in dict.fromkeys((*new.ignored, *old.ignored)):
        was, now = old.ignored.get(path), new.ignored.get(path)
        if was != now:
            yield Cause(new.image, Change("ignore", path, was, now, file=path))


def _by_profile(change: Change) -> bool:
    """True for what another profile can change by itself; it cannot edit a file."""
    if change.kind == "run" and change.old and change.new:
        return _command(change.old) == _command(change.new)
    if change.kind in FILES or change.kind == "package":
        return change.origin != "" or (change.kind == "package" and not change.file)
    return change.kind in ("arg", "image", "stage", "platform", "option", "suite", "variant")


def _command(value: str) -> object:
    """What a RUN starts, without its flags, of which a profile sets ``--network``."""
    try:
        return json.loads(value)[-1]
    except (ValueError, IndexError, KeyError, TypeError):
        return value
