"""History: how long work on each layer took, so that the next run can tell what to expect."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

_COUNTED = 5  # last good ones that make an expectation
_KEPT = 20  # records a layer and action that a pruning leaves
_LARGE = 1 << 20  # bytes at which the file is pruned

_Name = tuple[str, str]


class History:
    """A file of one JSON object a line; a damaged line is left out, a lost file means no history.

    Safe for two processes at once: a record is one append under a lock.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: dict[_Name, list[float]] | None = None

    def expected(self, layer: str, action: str) -> float | None:
        """Seconds that ``action`` will likely take: the median of the last five good ones."""
        if self._known is None:
            self._known = defaultdict(list)
            for name, record in _records(_read(self._path)):
                if record["ok"]:
                    self._known[name].append(record["seconds"])
        times = sorted(self._known.get((layer, action), [])[-_COUNTED:])
        if not times:
            return None
        middle = len(times) // 2
        return times[middle] if len(times) % 2 else (times[middle - 1] + times[middle]) / 2

    def made(self, layer: str, key: str) -> float | None:
        """When, in Unix seconds, this checkout last built a layer at a key; None: it never did."""
        times = [
            record.get("time")
            for name, record in _records(_read(self._path))
            if name == (layer, "build") and record["ok"] and record.get("key") == key
        ]
        return max((each for each in times if isinstance(each, int)), default=None)

    def before(self, layer: str, key: str) -> str | None:
        """The last other key at which this checkout built a layer; None: there is none."""
        keys = [
            record.get("key")
            for name, record in _records(_read(self._path))
            if name == (layer, "build") and record["ok"] and record.get("key") != key
        ]
        return next((each for each in reversed(keys) if isinstance(each, str)), None)

    def record(self, layer: str, action: str, key: str, seconds: float, ok: bool) -> None:
        """Remember one piece of work; that it cannot be written is no error."""
        record = {
            "time": round(time.time()),
            "layer": layer,
            "action": action,
            "key": key,
            "seconds": round(seconds, 3),
            "ok": ok,
        }
        if ok and self._known is not None:
            self._known.setdefault((layer, action), []).append(seconds)
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
            self._append(json.dumps(record).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        import fcntl

        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                here = os.fstat(fd)
                try:
                    there = os.stat(self._path)
                except FileNotFoundError:
                    continue
                if (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino):
                    continue  # another process pruned the file between open and lock
                if here.st_size and os.pread(fd, 1, here.st_size - 1) != b"\n":
                    line = b"\n" + line  # a torn record ends here
                os.write(fd, line)
                if here.st_size > _LARGE:
                    self._prune()
                return
            finally:
                os.close(fd)

    def _prune(self) -> None:
        kept: dict[_Name, list[bytes]] = defaultdict(list)
        for name, record in _records(_read(self._path)):
            kept[name].append(json.dumps(record).encode() + b"\n")
        new = f"{self._path}.{os.getpid()}"
        with open(new, "wb") as file:
            for lines in kept.values():
                file.writelines(lines[-_KEPT:])
        os.replace(new, self._path)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _records(text: bytes) -> Iterator[tuple[_Name, dict[str, Any]]]:
    for line in text.splitlines():
        try:
            record = json.loads(line)
            name = (record["layer"], record["action"])
            sound = (
                all(isinstance(part, str) for part in name)
                and isinstance(record["ok"], bool)
                and isinstance(record["seconds"], (int, float))
                and 0 <= record["seconds"] < 1e7
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if sound:
            yield name, record
