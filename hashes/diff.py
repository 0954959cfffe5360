"""Differences: what differs between two manifests of a stage, first cause first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hashes.change import FILES, PARENTS, SERVED, Change
from hashes.manifest import Entry, Manifest

_STEPS = frozenset(("run", "copy", "add", "workdir", "heredoc", "source", "mount", "url"))
_INSTRUCTIONS = frozenset(("run", "copy", "add"))
_FOLLOW = frozenset(("source", "mount", "heredoc", "url"))
"""Steps that say more about the instruction before them."""

_NOWHERE = -1

Found = Iterator[tuple[int, Change]]


class _Place(NamedTuple):
    """An entry and where it stands."""

    place: int
    entry: Entry
    mark: int = _NOWHERE
    """What brought it in: of files, the source; of parents and sources, the instruction."""
    origin: str = ""


def changes(old: Manifest, new: Manifest) -> tuple[Change, ...]:
    """What makes the keys of two manifests of one stage differ; empty when they are the same.

    In the order of the steps, and without what only follows from another change: of a COPY that
    has another source now, the Dockerfile's line is told and not every file that it brings in.
    """
    if old.algorithm == new.algorithm and _counted(old) == _counted(new):
        return ()
    before, after = _Side(old), _Side(new)
    found = list(_hash(old, new))

    if old.algorithm != new.algorithm:
        before.forget_hashes()
        after.forget_hashes()
    gone, come, steps = _steps(before.steps, after.steps)
    found += steps
    found += _parents(before.parents, after.parents, gone, come)
    found += _named(before.named, after.named)
    found += _files(before.files, after.files, gone, come)
    found.sort(key=lambda each: each[0])
    if not found:
        return (Change("order", "the order of the steps", "", ""),)
    once: dict[tuple[str, str], Change] = {}
    for _, change in found:  # an ENV counts twice, for RUN and for the configuration
        once.setdefault((change.text(), change.origin), change)
    return tuple(once.values())


def _counted(manifest: Manifest) -> list[tuple[str, ...]]:
    return [entry[:3] for entry in manifest.entries]


def _hash(old: Manifest, new: Manifest) -> Found:
    if old.algorithm != new.algorithm:
        yield _NOWHERE, Change("hash", "hash", old.algorithm, new.algorithm)


class _Side:
    """The entries of one manifest, each with its place."""

    def __init__(self, manifest: Manifest) -> None:
        self.files: dict[tuple[str, str], _Place] = {}
        self.named: dict[tuple[str, int], _Place] = {}
        self.parents: dict[tuple[str, str, int], _Place] = {}
        self.steps: list[_Place] = []
        self._counts: dict[tuple[str, ...], int] = {}
        origin, mark, instruction, last = "", _NOWHERE, _NOWHERE, ""
        for place, entry in enumerate(manifest.entries):
            kind = entry.kind
            if kind in _INSTRUCTIONS:
                origin, instruction = "", place
            elif kind == "context":
                origin = entry.label
            elif kind == "mount" and last != "context":
                origin = ""
            last = kind
            if kind == "absent":
                continue
            if kind in FILES:
                # What is served comes with no line: no step of the Dockerfile asks for it.
                at = origin if entry.line else SERVED
                found = _Place(place, entry, mark if entry.line else _NOWHERE, at)
                self.files.setdefault((at, entry.name), found)
            elif kind in _STEPS:
                mark = place
                self.steps.append(_Place(place, entry, instruction))
            elif kind in PARENTS:
                label = "" if entry.name == "from" else entry.label
                number = self._number("parent", entry.name, label)
                bound = _NOWHERE if entry.name == "from" else instruction
                self.parents[entry.name, label, number] = _Place(place, entry, bound)
            else:
                self._name(place, _readable(entry))

    def _name(self, place: int, entry: Entry) -> None:
        group = "env" if entry.kind == "arg" else entry.kind
        name = f"{group} {entry.name}"
        self.named[name, self._number(name)] = _Place(place, entry)

    def _number(self, *what: str) -> int:
        self._counts[what] = self._counts.get(what, 0) + 1
        return self._counts[what]

    def forget_hashes(self) -> None:
        """Keep of files and of our own parents what does not depend on the algorithm."""
        for key, at in self.files.items():
            mode, _, value = at.entry.value.partition(" ")
            size = value.partition("+")[0].rpartition(":")[2]
            if at.entry.kind == "file" and not value.startswith("sha256:"):
                entry = at.entry._replace(value=f"{mode} {size}")
                self.files[key] = at._replace(entry=entry)
        for parent, at in self.parents.items():
            if at.entry.kind == "stage" or at.entry.value.startswith("key "):
                self.parents[parent] = at._replace(entry=at.entry._replace(value=""))


def _readable(entry: Entry) -> Entry:
    """An entry of a system base, which has all in its value, as if it had a name."""
    if entry.name or entry.kind not in ("package", "env"):
        return entry
    name, _, value = entry.value.partition("=")
    return entry._replace(name=name, value=value)


def _files(
    old: dict[tuple[str, str], _Place],
    new: dict[tuple[str, str], _Place],
    gone: set[int],
    come: set[int],
) -> Found:
    for key, now in new.items():
        was = old.get(key)
        if was is None:
            if now.mark not in come and not _inside(key, new, old):
                yield now.place, _change(None, now)
        elif was.entry[:3] != now.entry[:3]:
            yield now.place, _change(was, now)
    for key, was in old.items():
        if key not in new and was.mark not in gone and not _inside(key, old, new):
            yield was.place, _change(was, None)


def _inside(
    key: tuple[str, str], here: dict[tuple[str, str], _Place], there: dict[tuple[str, str], _Place]
) -> bool:
    """True when a whole directory is only here, and says it for all that it holds."""
    folder = (key[0], key[1].rpartition("/")[0])
    return folder in here and folder not in there and here[folder].entry.kind == "dir"


def _named(old: dict[tuple[str, int], _Place], new: dict[tuple[str, int], _Place]) -> Found:
    for key, now in new.items():
        was = old.get(key)
        if was is None or was.entry[:3] != now.entry[:3]:
            yield now.place, _change(was, now)
    for key, was in old.items():
        if key not in new:
            yield was.place, _change(was, None)


def _parents(
    old: dict[tuple[str, str, int], _Place],
    new: dict[tuple[str, str, int], _Place],
    gone: set[int],
    come: set[int],
) -> Found:
    lost = [(key, was) for key, was in old.items() if key not in new]
    for key, now in new.items():
        was = old.get(key)
        if was is None:
            same = [each for each in lost if each[0][0] == key[0]]
            if same:  # the step is the same, and asks for another parent
                lost.remove(same[0])
                was = same[0][1]
            elif now.mark not in come:
                yield now.place, _change(None, now)
        if was is not None and was.entry.label != now.entry.label:
            yield now.place, _asks(was.entry, now.entry)
        elif was is not None and was.entry[:3] != now.entry[:3]:
            yield now.place, _change(was, now)
    for _, was in lost:
        if was.mark not in gone:
            yield was.place, _change(was, None)


def _steps(
    old: list[_Place], new: list[_Place]
) -> tuple[set[int], set[int], list[tuple[int, Change]]]:
    """The places of the steps that are gone and come, and what to tell of them."""
    before, after = [each.entry[:3] for each in old], [each.entry[:3] for each in new]
    gone: set[int] = set()
    come: set[int] = set()
    pairs: list[tuple[_Place | None, _Place | None]] = []
    if before != after:
        import difflib

        matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag != "equal":
                gone.update(each.place for each in old[i1:i2])
                come.update(each.place for each in new[j1:j2])
                pairs += _paired(old[i1:i2], new[j1:j2])
    return gone, come, list(_told(pairs, gone, come))


def _paired(old: list[_Place], new: list[_Place]) -> Iterator[tuple[_Place | None, _Place | None]]:
    for was, now in zip(old, new, strict=False):
        if was.entry.kind == now.entry.kind:
            yield was, now
        else:
            yield None, now
            yield was, None
    for now in new[len(old) :]:
        yield None, now
    for was in old[len(new) :]:
        yield was, None


def _told(
    pairs: list[tuple[_Place | None, _Place | None]], gone: set[int], come: set[int]
) -> Found:
    for was, now in pairs:
        at = now or was
        assert at is not None
        told = come if now is not None else gone
        if at.entry.kind not in _FOLLOW or at.mark not in told:
            yield at.place, _change(was, now)


def _asks(old: Entry, new: Entry) -> Change:
    return Change("asks", new.name, old.label, new.label, new.line)


def _change(was: _Place | None, now: _Place | None) -> Change:
    at = now or was
    assert at is not None
    entry = at.entry
    name = entry.label if entry.kind in PARENTS and entry.label else entry.name
    if entry.kind in ("source", "mount"):
        name = f"source {name or '.'}"
    elif entry.kind == "heredoc":
        name = f"heredoc {name}"
    elif entry.name == "syntax":
        name = "# syntax"
    return Change(
        entry.kind,
        name,
        None if was is None else was.entry.value,
        None if now is None else now.entry.value,
        entry.line,
        origin=at.origin,
    )
