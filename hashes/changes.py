"""Changes: what differs between two manifests of a stage, in plain words, first cause first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hashes.manifest import CONFIG, Entry, Manifest

_FILES = frozenset(("file", "dir", "link", "other", "absent"))
_STEPS = frozenset(("run", "copy", "add", "workdir", "heredoc", "source", "mount", "url"))
_PARENTS = frozenset(("stage", "image", "context"))


@dataclass(frozen=True)
class Change:
    """One cause for another key."""

    kind: str
    """The entry's kind: ``file``, ``run``, ``arg``, ``stage``, …"""
    name: str
    """A path, a variable, an instruction, a parent's name."""
    old: str | None
    """None: it was not there."""
    new: str | None
    """None: it is no longer there."""
    line: int = 0
    """Where in the Dockerfile, from 1; 0 when nowhere."""

    def text(self, path: str = "Dockerfile") -> str:
        """The change as a sentence; ``path`` is what to call the Dockerfile."""
        if self.kind in _FILES:
            return self._file()
        if self.kind in _PARENTS:
            return self._parent()
        where = f"{path}:{self.line} " if self.line else ""
        if self.kind == "arg":
            return f"build arg {self.name}{self._values()}"
        if self.kind in ("platform", "option"):
            name = f"--{self.name}" if self.kind == "option" else self.name or self.kind
            return f"{name}{self._values()}"
        if self.kind in ("env", "user", "shell", CONFIG):
            name = self.name if self.kind == CONFIG else f"{self.kind.upper()} {self.name}".strip()
            return f"{where}{name}{self._values()}"
        return f"{where}{self.name} {self._verb()}"

    def _verb(self) -> str:
        return "added" if self.old is None else "removed" if self.new is None else "changed"

    def _file(self) -> str:
        if self.old is not None and self.new is not None:
            old_mode, _, old = self.old.partition(" ")
            new_mode, _, new = self.new.partition(" ")
            if old == new and old_mode != new_mode:
                return f"{self.name}: mode {old_mode} → {new_mode}"
        return f"{self.name} {self._verb()}"

    def _parent(self) -> str:
        word = "parent" if self.kind == "stage" else "base"
        if self.old is not None and self.new is not None:
            if self.kind == "image" and not self.old.startswith("key "):
                return f"{word} {self.name}: {self.old} → {self.new}"
            return f"parent {self.name} changed"
        return f"{word} {self.name} {self._verb()}"

    def _values(self) -> str:
        shown = (self.old or "", self.new or "")
        if any(value.startswith("hidden:") or "\n" in value or len(value) > 60 for value in shown):
            return f" {self._verb()}"
        if self.old is None:
            return f": set to {self.new}" if self.new else " added"
        if self.new is None:
            return f": {self.old} → not set" if self.old else " removed"
        return f": {self.old or '(empty)'} → {self.new or '(empty)'}"


def changes(old: Manifest, new: Manifest) -> tuple[Change, ...]:
    """What makes the keys of two manifests of one stage differ; empty when they are the same."""
    if old.key() == new.key():
        return ()
    before, after = _Side(old), _Side(new)
    found = [
        *_named(before.files, after.files),
        *_named(before.named, after.named),
        *_steps(before.steps, after.steps),
    ]
    found.sort(key=lambda each: each[0])
    if not found:
        return (Change("order", "the order of the steps", "", ""),)
    once: dict[str, Change] = {}
    for _, change in found:  # an ENV counts twice, for RUN and for the configuration
        once.setdefault(change.text(), change)
    return tuple(once.values())


class _Side:
    """The entries of one manifest, each with its place."""

    def __init__(self, manifest: Manifest) -> None:
        self.files: dict[tuple[str, int], tuple[int, Entry]] = {}
        self.named: dict[tuple[str, int], tuple[int, Entry]] = {}
        self.steps: list[tuple[int, Entry]] = []
        counts: dict[str, int] = {}
        for place, entry in enumerate(manifest.entries):
            if entry.kind == "absent":
                continue
            if entry.kind in _FILES:
                self.files.setdefault((entry.name, 0), (place, entry))
            elif entry.kind in _STEPS:
                self.steps.append((place, entry))
            else:
                group = "env" if entry.kind == "arg" else entry.kind
                name = f"{group} {entry.name}"
                counts[name] = counts.get(name, 0) + 1
                self.named[name, counts[name]] = (place, entry)


def _named(
    old: dict[tuple[str, int], tuple[int, Entry]], new: dict[tuple[str, int], tuple[int, Entry]]
) -> Iterator[tuple[int, Change]]:
    for key, (place, entry) in new.items():
        there = old.get(key)
        if there is None:
            yield place, _change(None, entry)
        elif there[1][:3] != entry[:3]:
            yield place, _change(there[1], entry)
    for key, (place, entry) in old.items():
        if key not in new:
            yield place, _change(entry, None)


def _steps(
    old: list[tuple[int, Entry]], new: list[tuple[int, Entry]]
) -> Iterator[tuple[int, Change]]:
    texts: Callable[[list[tuple[int, Entry]]], list[tuple[str, ...]]]
    texts = lambda side: [entry[:3] for _, entry in side]  # noqa: E731
    before, after = texts(old), texts(new)
    if before == after:
        return
    import difflib

    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        olds, news = old[i1:i2], new[j1:j2]
        for (_, was), (place, now) in zip(olds, news, strict=False):
            if was.kind == now.kind:
                yield place, _change(was, now)
            else:
                yield place, _change(None, now)
                yield place, _change(was, None)
        for place, now in news[len(olds) :]:
            yield place, _change(None, now)
        for place, was in olds[len(news) :]:
            yield place, _change(was, None)


def _change(old: Entry | None, new: Entry | None) -> Change:
    entry = new or old
    assert entry is not None
    name = entry.label if entry.kind in _PARENTS and entry.label else entry.name
    if entry.kind in ("source", "mount"):
        name = f"source {name or '.'}"
    elif entry.kind == "heredoc":
        name = f"heredoc {name}"
    elif entry.kind == "syntax":
        name = "# syntax"
    return Change(
        entry.kind, name, None if old is None else old.value, new and new.value, entry.line
    )
