"""The stat cache: what unchanged files hold, without opening them.

A file is taken for unchanged when size, mtime, ctime, inode, device and mode are as they were.
That is only evidence if a later edit would have moved its times: git's racy rule
(Documentation/technical/racy-git.txt). So nothing is recorded whose times are not older than the
file system's own clock was before the file was read; such a file is read once more by the next run.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import struct
import tempfile
import time
from typing import IO

import xxhash

from hashes.algorithm import DEFAULT
from hashes.context.filehash import signature

VERSION = b"doit-layers statcache 1\n"
KEPT_DAYS = 30
"""A directory that no run looked into for so long is forgotten."""

FOREIGN_MARGIN = 2_000_000_000
"""Nanoseconds that a file on another file system than the cache's must be older: its clock may
be coarse (FAT: 2 s)."""

_PACK = struct.Struct("<qqqQQQ")
_DAY = 86_400

PACKED = _PACK.size
"""Bytes of `packed`, at the head of every record."""


def packed(status: os.stat_result) -> bytes:
    """Write a status as bytes that differ whenever the file may differ."""
    size, mtime, ctime, inode, device, mode = signature(status)
    return _PACK.pack(size, mtime, ctime, inode, device, mode)


class StatCache:
    """Remembers the values of files by path and status; deleting it changes no answer.

    The paths are relative to the project's root, and each status holds inode and device: a cache
    that was copied along with its project, or lies in another's place, matches nothing.
    """

    def __init__(self, path: str | None, root: str, algorithm: str = DEFAULT) -> None:
        self.path = path
        """None: nothing is loaded and nothing saved."""
        self.root = os.path.abspath(root)
        self.algorithm = algorithm
        """What the values are made with; a file with those of another one counts as empty."""
        self.changed = False
        self.visited: set[str] = set()
        """Directories that somebody listed, absolute: what is new in another one counts nowhere."""
        self._known: dict[str, tuple[int, dict[str, bytes]]] = {}
        """By directory: the day of the last visit, and by name: packed status, then the value."""
        self._today = int(time.time()) // _DAY
        self._clock = (0, -1)
        """The file system's last known time, in nanoseconds, and its device."""
        self._hand: IO[bytes] | None = None
        """An unnamed file that is touched to learn the time."""

    @classmethod
    def load(cls, path: str, root: str, algorithm: str = DEFAULT) -> StatCache:
        """Read a cache; one that is missing, damaged, of another version or algorithm is empty."""
        cache = cls(path, root, algorithm)
        version = _version(algorithm)
        with contextlib.suppress(OSError, ValueError, EOFError, TypeError):
            with open(path, "rb") as file:
                data = file.read()
            start = len(version) + 16
            body = memoryview(data)[start:]
            if data.startswith(version) and data[start - 16 : start] == _checksum(body):
                known = marshal.loads(body)
                oldest = cache._today - KEPT_DAYS
                cache._known = {key: entry for key, entry in known.items() if entry[0] >= oldest}
                cache.changed = len(known) != len(cache._known)
        return cache

    def directory(self, path: str, names: int) -> dict[str, bytes]:
        """Give what is known of one directory of so many ``names``, to `lookup` in and `record` to.

        ``path`` is absolute. The answer is this cache's own table: only `record` writes to it.
        """
        self.visited.add(path)
        key = self._key(path)
        day, known = self._known.get(key, (0, None))
        if known is None or len(known) > names + 16:  # much that is gone: begin anew
            known = {}
            day = self._today
            self._known[key] = (day, known)
        if self._today - day > KEPT_DAYS // 4:
            self._known[key] = (self._today, known)
            self.changed = True
        return known

    @staticmethod
    def lookup(known: dict[str, bytes], name: str, status: os.stat_result) -> str | None:
        """Give the value that was recorded for exactly this status; None when there is none."""
        found = known.get(name)
        if found is None or not found.startswith(packed(status)):
            return None
        return found[PACKED:].decode()

    def now(self, status: os.stat_result) -> int:
        """Read the file system's clock in nanoseconds, before the file of this status is read.

        Only as fresh as this file needs, so that one look serves all files that are older.
        """
        clock, device = self._clock
        margin = 0 if status.st_dev == device else FOREIGN_MARGIN
        if max(status.st_ctime_ns, status.st_mtime_ns) >= clock - margin:
            self._clock = self._probe()
        return self._clock[0]

    def record(
        self, known: dict[str, bytes], name: str, status: os.stat_result, value: str, clock: int
    ) -> bool:
        """Remember a value, read after ``clock``, unless a later edit could hide behind it."""
        if status.st_dev != self._clock[1]:
            clock -= FOREIGN_MARGIN
        future = clock + 2 * FOREIGN_MARGIN  # no edit gives an mtime that far ahead by itself
        if status.st_ctime_ns >= clock or clock <= status.st_mtime_ns < future:
            return False
        known[name] = packed(status) + value.encode()
        self.changed = True
        return True

    def save(self) -> None:
        """Write the cache if it changed, at once or not at all; failing to is no error."""
        if self._hand is not None:
            self._hand.close()
            self._hand = None
        if not self.changed or self.path is None:
            return
        body = marshal.dumps(self._known, 4)
        folder = os.path.dirname(self.path) or "."
        with contextlib.suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".statcache-", dir=folder)
            try:
                with open(handle, "wb") as file:
                    file.write(_version(self.algorithm) + _checksum(body) + body)
                os.replace(temporary, self.path)
            except BaseException:
                os.unlink(temporary)
                raise
            self.changed = False

    def _key(self, path: str) -> str:
        if path == self.root:
            return ""
        prefix = self.root + "/"
        return path[len(prefix) :] if path.startswith(prefix) else path

    def _probe(self) -> tuple[int, int]:
        """Ask the file system that holds the cache for its time; its device tells which it is."""
        try:
            if self._hand is None:
                folder = None if self.path is None else os.path.dirname(self.path) or "."
                if folder is not None:
                    os.makedirs(folder, exist_ok=True)
                self._hand = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - until `save`
            os.utime(self._hand.fileno())
            status = os.fstat(self._hand.fileno())
            return status.st_ctime_ns, status.st_dev
        except OSError:
            return time.time_ns(), -1


def _version(algorithm: str) -> bytes:
    return VERSION if algorithm == DEFAULT else VERSION[:-1] + f" {algorithm}\n".encode()


def _checksum(body: bytes | memoryview) -> bytes:
    return xxhash.xxh3_128_digest(body)
