"""Change: one cause for another key, in plain words."""

from __future__ import annotations

import json
from typing import NamedTuple

from hashes.manifest import CONFIG, EPOCH

FILES = frozenset(("file", "dir", "link", "other", "absent"))
PARENTS = frozenset(("stage", "image", "context"))
SERVED = "<served>"
"""Stands for the folder of package sources among the contexts."""
LONGEST = 60
"""Characters of a value that a sentence shows."""

ANY = "any version"

_VALUED = frozenset(("platform", "option", "hash", "suite", "variant", "architecture"))
_RECIPE = {"ca": "the certificates that this machine trusts", "rootfs": "the recipe of the base"}
_ASKS = {"from": "FROM", "copy": "COPY --from", "add": "ADD --from", "run": "RUN --mount from"}


class Change(NamedTuple):
    """One cause for another key."""

    kind: str
    """The entry's kind: ``file``, ``run``, ``arg``, ``stage``, …; ``asks``: a step names another
    parent; ``package``: one in a lock file or a system base; ``hash``; ``profile``."""
    name: str
    """A path, a variable, an instruction, a parent's or package's name."""
    old: str | None
    """None: it was not there."""
    new: str | None
    """None: it is no longer there."""
    line: int = 0
    """Where in the Dockerfile, from 1; 0 when nowhere."""
    file: str = ""
    """The Dockerfile, the file itself, or the lock file; "" when nowhere or not known."""
    origin: str = ""
    """Of files: the named context that they are in, `SERVED`, or "" for the image's own."""

    def text(self, path: str = "Dockerfile") -> str:
        """The change as a sentence; ``path`` is what to call a Dockerfile that is not known."""
        if self.kind in FILES:
            return self._file()
        where = f"{self.file or path}:{self.line} " if self.line else ""
        if self.kind == "asks":
            name = _ASKS.get(self.name, self.name)
            return f"{where}{name} {self.old} → {self.new}"
        if self.kind in PARENTS:
            return self._parent()
        if self.kind == "package":
            return self._package()
        if self.kind == "profile":
            old = f"under profile {self.old}" if self.old else "without a profile"
            return f"built {old}, now {f'under {self.new}' if self.new else 'without one'}"
        if self.kind == EPOCH:
            return self._refreshed()
        if self.kind == "arg":
            return f"build arg {self.name}{self._values()}"
        if self.kind in _VALUED:
            name = f"--{self.name}" if self.kind == "option" else self.name or self.kind
            return f"{name}{self._values()}"
        if self.kind in _RECIPE:
            return f"{_RECIPE[self.kind]} changed"
        if self.kind in ("env", "user", "shell", CONFIG):
            name = self.name if self.kind == CONFIG else f"{self.kind.upper()} {self.name}".strip()
            return f"{where}{name}{self._values()}"
        return f"{where}{self.name}{self._flags() or f' {self._verb()}'}"

    def _flags(self) -> str:
        """What of an instruction's flags is another, if the rest is the same."""
        old, new = _words(self.old), _words(self.new)
        if not old or not new or _rest(old) != _rest(new):
            return ""
        parts = (("added", new, old), ("removed", old, new))
        found = [f"{it} {verb}" for verb, one, two in parts for it in one if it not in two]
        return f": {', '.join(found)}" if found and len(", ".join(found)) <= 2 * LONGEST else ""

    def _verb(self) -> str:
        return "added" if self.old is None else "removed" if self.new is None else "changed"

    def _file(self) -> str:
        name = (self.file or self.name) + ("/" if self.kind == "dir" else "")
        if self.old is not None and self.new is not None:
            old_mode, _, old = self.old.partition(" ")
            new_mode, _, new = self.new.partition(" ")
            if old == new and old_mode != new_mode:
                return f"{name}: mode {old_mode} → {new_mode}"
        return f"{name} {self._verb()}"

    def _parent(self) -> str:
        if self.old is None or self.new is None:
            return f"{'base' if self.kind == 'image' else 'parent'} {self.name} {self._verb()}"
        keys = self.old.startswith("key "), self.new.startswith("key ")
        if self.kind == "image" and not all(keys):
            old, new = (_short(each, self.name) for each in (self.old, self.new))
            return f"base {self.name}: {old} → {new}"
        return f"parent {self.name} changed"

    def _package(self) -> str:
        where = f"{self.file}: " if self.file else "package "
        if self.old is None or self.new is None:
            version = self.old or self.new or ""
            return f"{where}{self.name} {version}".rstrip() + f" {self._verb()}"
        if self.old == self.new:
            return f"{where}{self.name} {self.new}: other files under the same version"
        return f"{where}{self.name} {self.old or ANY} → {self.new or ANY}"

    def _refreshed(self) -> str:
        if self.old is None or self.new is None:
            return f"refreshed: epoch {self.new}" if self.new else f"epoch {self.old} removed"
        back = self.old.isdigit() and self.new.isdigit() and int(self.new) < int(self.old)
        return f"{'rolled back' if back else 'refreshed'}: epoch {self.old} → {self.new}"

    def _values(self) -> str:
        shown = (self.old or "", self.new or "")
        if any(value.startswith("hidden:") or "\n" in value for value in shown):
            return f" {self._verb()}"
        if any(len(value) > LONGEST for value in shown):
            return f" {self._verb()}"
        if self.old is None:
            return f": set to {self.new}" if self.new else " added"
        if self.new is None:
            return f": {self.old} → not set" if self.old else " removed"
        return f": {self.old or '(empty)'} → {self.new or '(empty)'}"


def _short(identity: str, name: str) -> str:
    """An image's identity without what is said already, or says nothing to people."""
    if identity == f"unpinned {name}":
        return "unpinned"
    head, sign, digits = identity.rpartition("-" if identity.startswith("key ") else ":")
    return f"{head}{sign}{digits[:12]}…" if len(digits) in (32, 64) else identity


def _words(value: str | None) -> list[object]:
    """The parts of an instruction, which stand as JSON in a manifest."""
    try:
        found = json.loads(value or "")
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _rest(words: list[object]) -> list[object]:
    return [word for word in words if not (isinstance(word, str) and word.startswith("--"))]
