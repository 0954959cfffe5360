"""Files: what a build's keyed paths are on disk, as BuildKit will be told of them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hashes.context.filehash import hash_file, signature
from hashes.context.gopath import inside
from hashes.context.input import other_value, xattr_value
from hashes.context.sources import MOST_LINKS
from hashes.context.statcache import StatCache, packed
from hashes.errors import ContextError
from hashes.manifest import Entry
from layers.build.context.ledger import Row

FILES = frozenset(("file", "dir", "link", "other"))
"""Kinds of manifest entries that are paths of a context."""

SELECTING = frozenset(("copy", "add", "source", "mount", "context"))
"""Kinds of manifest entries that say which paths those are."""

_UTF8 = sys.getfilesystemencoding() == "utf-8"

NO_LIMIT = 1 << 62
"""For `StatCache.directory`: nothing is forgotten, whatever the directory holds."""


@dataclass
class Files:
    """One look at everything that a build reads from its contexts."""

    roots: Mapping[str, str]
    """Context name ("" for the build's own) → absolute folder."""
    cache: StatCache
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    _seen: dict[str, bytes] = field(default_factory=dict)
    """Absolute path → what must still be so when the build is over."""
    _tables: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """The stat cache's, by absolute folder."""
    _folders: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def look(self, entries: Sequence[Entry]) -> None:
        """Take the status of every path that the entries name, links followed as BuildKit does.

        An entry does not say of which context it is: with several, each is looked into. A row
        too many does no harm, since it is true.
        """
        named = [(entry[1], entry[0]) for entry in entries if entry[0] in FILES and entry[1]]
        for context in self.roots:
            for name, kind in named:
                self._path(context, name, kind)

    def selection(self, entries: Iterable[Entry], ignores: Iterable[str]) -> str:
        """A hash of all that decides which paths are sent, beyond what there is."""
        said = sorted({entry[:3] for entry in entries if entry[0] in SELECTING})
        links = sorted(row for row in self.rows.values() if row.kind == "link")
        told = [
            said,
            [(row.context, row.path, row.value) for row in links],
            [_text(path) for path in ignores],
            sorted(self.roots.items()),
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def unmoved(self) -> bool:
        """Whether everything is as it was when it was looked at: no byte changed in between."""
        for path, before in self._seen.items():
            try:
                now = os.lstat(path)
            except OSError:
                return False
            if _mark(now) != before:
                return False
        return True

    def _path(self, context: str, path: str, kind: str) -> None:
        """Record what a path as it is spelled leads to, and every link and directory on the way."""
        for _ in range(MOST_LINKS):
            folder, _, name = path.rpartition("/")
            if folder:
                real = self._folder(context, folder)
                if real is None:
                    return
                path = f"{real}/{name}" if real else name
            else:
                real = ""
            row = self._row(context, path)
            if row is None or row.kind != "link" or kind == "link":
                return
            path = inside(row.value if row.value.startswith("/") else f"{real}/{row.value}")
            if not path:
                return

    def _folder(self, context: str, path: str) -> str | None:
        """The directory that a path leads to; None when it leads to none."""
        if not path:
            return ""
        at = (context, path)
        if at not in self._folders:
            self._folders[at] = None  # what goes round in a circle leads nowhere
            above, _, name = path.rpartition("/")
            real = self._folder(context, above)
            if real is not None:
                self._folders[at] = self._directory(context, f"{real}/{name}" if real else name)
        return self._folders[at]

    def _directory(self, context: str, path: str) -> str | None:
        row = self._row(context, path)
        if row is None or row.kind not in ("dir", "link"):
            return None
        if row.kind == "dir":
            return path
        above = path.rpartition("/")[0]
        text = row.value
        return self._folder(context, inside(text if text.startswith("/") else f"{above}/{text}"))

    def _row(self, context: str, path: str) -> Row | None:
        at = (context, path)
        found = self.rows.get(at)
        if found is not None:
            return found
        absolute = _absolute(self.roots[context], path)
        try:
            status = os.lstat(absolute)
            made = self._made(context, path, absolute, status)
        except OSError:
            return None  # not on this machine, or gone meanwhile: nothing is sent
        self._seen[absolute] = _mark(status)
        self.rows[at] = made
        return made

    def _made(self, context: str, path: str, absolute: str, status: os.stat_result) -> Row:
        kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
        if kind == stat.S_IFREG:
            value = self._content(absolute, status)
            size, mtime = status.st_size, status.st_mtime_ns
            return tuple.__new__(Row, (context, path, "file", size, mtime, mode, value))
        if kind == stat.S_IFDIR:
            return Row(context, path, "dir", 0, 0, mode, xattr_value(os.fsencode(absolute)))
        if kind == stat.S_IFLNK:
            text = os.fsencode(os.readlink(absolute)).decode("utf-8", "surrogateescape")
            return Row(context, path, "link", 0, status.st_mtime_ns, 0, text)
        return Row(context, path, "other", 0, status.st_mtime_ns, mode, other_value(status))

    def _content(self, absolute: str, status: os.stat_result) -> str:
        """What the stat cache knows of exactly this status; else the file is read.

        A file that was changed so lately that its times cannot tell is equal to nothing.
        """
        folder, _, name = absolute.rpartition("/")
        known = self._tables.get(folder)
        if known is None:
            known = self._tables[folder] = self.cache.directory(folder, NO_LIMIT)
        value = self.cache.lookup(known, name, status)
        if value is not None:
            return value
        clock = self.cache.now(status)
        try:
            found = hash_file(os.fsencode(absolute), self.cache.algorithm)
        except ContextError:
            found = None
        if (
            found is not None
            and found.stable
            and signature(found.status) == signature(status)
            and self.cache.record(known, name, status, found.value, clock)
        ):
            return found.value
        return f"?{os.urandom(8).hex()}"


def _mark(status: os.stat_result) -> bytes:
    if stat.S_ISDIR(status.st_mode):  # its times move with what is in it
        return b"%d %d" % (status.st_mode, status.st_ino)
    return packed(status)


def _absolute(root: str, path: str) -> str:
    if _UTF8 or path.isascii():
        return f"{root}/{path}"
    return os.path.join(root, os.fsdecode(path.encode("utf-8", "surrogateescape")))


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("latin-1")
    except OSError:
        return ""
