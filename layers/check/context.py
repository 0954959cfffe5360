"""Contexts: the files that a build may read, their sizes, and what leaves others out."""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from hashes.context.gopath import has_wildcard, inside
from hashes.context.ignore import Ignore
from hashes.context.tree import Node, Tree


class File(NamedTuple):
    """One regular file of a context."""

    path: str
    size: int
    mode: int


class Context:
    """One build context after its ignore file; nothing is listed before it is asked for."""

    def __init__(self, folder: str, ignore: Ignore, shown: str) -> None:
        self.folder = folder
        self.ignore = ignore
        self.shown = shown
        """The folder as messages name it, ending in a slash or empty."""
        self._tree = Tree(folder, ignore)

    @property
    def ignore_file(self) -> str:
        """The ignore file as messages name it; where it should be when there is none."""
        if not self.ignore.path:
            return f"{self.shown}.dockerignore"
        root = self.folder[: len(self.folder) - len(self.shown.rstrip("/"))].rstrip("/")
        return os.path.relpath(self.ignore.path, root or "/")

    @cached_property
    def files(self) -> tuple[File, ...]:
        """Every regular file that a build could be sent."""
        return tuple(self._files(self._tree.below("")))

    def matches(self, source: str) -> tuple[File, ...]:
        """The files that a COPY's source without wildcards names; empty for any other."""
        path = inside(source)
        if has_wildcard(path):
            return ()
        if not path:
            return self.files
        node = self._tree.node(path)
        if node is None:
            return ()
        nodes = [node] if not node.is_dir else self._tree.below(path)
        return tuple(self._files(nodes))

    def is_folder(self, source: str) -> bool:
        """Whether a COPY's source is a folder."""
        path = inside(source)
        if not path:
            return True
        node = None if has_wildcard(path) else self._tree.node(path)
        return node is not None and node.is_dir

    def read(self, path: str, limit: int = 1 << 20) -> str | None:
        """The text of a file; None when it is not there or is not text."""
        try:
            with open(os.path.join(self.folder, path), "rb") as file:
                return file.read(limit).decode()
        except (OSError, UnicodeDecodeError):
            return None

    def placed(self, sources: tuple[str, ...], target: str, wanted: str) -> str | None:
        """The path in the context of what a COPY puts at ``wanted``; None: it does not."""
        for source in sources:
            path = inside(source)
            if self.is_folder(source):
                base = target.rstrip("/")
                if not wanted.startswith(f"{base}/"):
                    continue
                found = posixpath.join(path, wanted[len(base) + 1 :])
            else:
                at = target + posixpath.basename(path) if target.endswith("/") else target
                if has_wildcard(path) or at != wanted:
                    continue
                found = path
            if self._tree.node(found) is not None:
                return found
        return None

    def _files(self, nodes: Iterable[Node]) -> Iterator[File]:
        for node in nodes:
            if not node.is_dir and not node.is_link:
                with contextlib.suppress(FileNotFoundError):  # it went while we looked
                    status = self._tree.status(node)
                    yield File(node.path, status.st_size, stat.S_IMODE(status.st_mode))
