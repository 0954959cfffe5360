"""Trees: what is at each path of an image, whatever it is that is known of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from layers.assemble.obstacle import Blocked

MOST_LINKS = 255
"""How many links BuildKit follows on the way to one path (continuity/fs, RootPath)."""


class Known(Protocol):
    """What a tree itself asks of its entries."""

    @property
    def kind(self) -> str:
        """``dir``, ``file``, ``link`` or another word."""
        ...

    @property
    def link(self) -> str:
        """Where a symbolic link leads, as it is written."""
        ...


E = TypeVar("E", bound=Known)


class Tree(Generic[E]):
    """Entries by path; paths are clean and relative to the root, which is ``""``."""

    def __init__(self, root: E) -> None:
        """``root``: what is at ``""``."""
        self._root = root
        self._folders: dict[str, dict[str, E]] = {"": {}}

    def get(self, path: str) -> E | None:
        """What is at a path, links not followed."""
        if not path:
            return self._root
        folder, _, name = path.rpartition("/")
        return self._folders.get(folder, {}).get(name)

    def put(self, path: str, entry: E) -> None:
        """Put an entry into a folder that is there; what was at its path goes, unless both are
        folders.
        """
        folder, _, name = path.rpartition("/")
        inside = self._folders[folder]
        before = inside.get(name)
        if before is not None and not before.kind == entry.kind == "dir":
            self.remove(path)
        inside[name] = entry
        if entry.kind == "dir":
            self._folders.setdefault(path, {})

    def remove(self, path: str) -> None:
        """Remove a path and all below it; one that is not there is no error."""
        folder, _, name = path.rpartition("/")
        entry = self._folders.get(folder, {}).pop(name, None)
        if entry is not None:
            self.gone(path, entry)
        todo = [path]
        while todo:
            at = todo.pop()
            for below, entry in self._folders.pop(at, {}).items():
                self.gone(f"{at}/{below}", entry)
                if entry.kind == "dir":
                    todo.append(f"{at}/{below}")

    def gone(self, path: str, entry: E) -> None:
        """Called with each entry that is no longer there; for those who add to a tree."""

    def names(self, folder: str) -> tuple[str, ...]:
        """What is in a folder, in no order; () for what is none."""
        return tuple(self._folders.get(folder, ()))

    def walk(self) -> Iterator[tuple[str, E]]:
        """Every path but the root, in the order of folders' paths."""
        for folder in sorted(self._folders):
            slash = folder + "/" if folder else ""
            for name in sorted(self._folders[folder]):
                yield slash + name, self._folders[folder][name]

    def resolve(self, path: str, followed: list[str] | None = None) -> str:
        """Where a clean path leads once every link on it is followed inside of the root.

        The links are added to ``followed``.  What is not there leads to itself.  Raises Blocked
        where a part of it is no folder, or links go round in a circle.
        """
        links = 0
        rest = path.split("/") if path else []
        at = ""
        while rest:
            part = rest.pop(0)
            here = f"{at}/{part}" if at else part
            entry = self.get(here)
            if entry is None:
                return "/".join([here, *rest])
            if entry.kind == "link":
                links += 1
                if followed is not None:
                    followed.append(here)
                if links > MOST_LINKS:
                    raise Blocked(f"/{path}: its links go round in a circle")
                rest = [
                    *split(entry.link if entry.link[:1] == "/" else f"{at}/{entry.link}"),
                    *rest,
                ]
                at = ""
            elif rest and entry.kind != "dir":
                raise Blocked(f"/{here} is not a folder")
            else:
                at = here
        return at


def split(path: str) -> list[str]:
    """The parts of a path as it is from the root: ``.`` and ``..`` are taken out by its text."""
    parts: list[str] = []
    for part in re.split("/+", path):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return parts


def is_below(path: str, folder: str) -> bool:
    """Whether a clean path is a folder's, at any depth; the root's are all but itself."""
    return path.startswith(f"{folder}/") if folder else bool(path)


def clean(path: str) -> str:
    """A path as a tree has it."""
    return "/".join(split(path))
