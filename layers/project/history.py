"""History: how long work on each layer took, so that the next run can tell what to expect."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

_COUNTED = 5  # last good ones that make an expectation
_KEPT = 20  # records a layer and action that a pruning leaves
_LARGE = 1 << 20  # bytes at which the file is pruned

_Name = tuple[str, str]


class Took(NamedTuple):
    """That work on a layer took so long, once."""

    layer: str
    action: str
    time: int
    """Unix seconds of its end."""
    seconds: float


class Begun(NamedTuple):
    """Work that is not at its end."""

    action: str
    begin: float
    """By `time.monotonic`."""

    def took(self, layer: str) -> Took:
        """What it comes to if it ends now."""
        return Took(layer, self.action, round(time.time()), time.monotonic() - self.begin)


class History:
    """A file of one JSON object a line; a damaged line is left out, a lost file means no history.

    Safe for two processes at once: a record is one append under a lock.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: dict[_Name, list[float]] | None = None
        self._elsewhere: dict[_Name, list[float]] = {}

    def expected(self, layer: str, action: str) -> float | None:
        """Seconds that ``action`` will likely take, by the last five good ones: see `likely`.

        What other machines told counts only for work that was never done here.
        """
        if self._known is None:
            self._read_all()
        known, name = self._known or {}, (layer, action)
        times = (known.get(name) or self._elsewhere.get(name) or [])[-_COUNTED:]
        return likely(times) if times else None

    def _read_all(self) -> None:
        known: dict[_Name, list[float]] = defaultdict(list)
        elsewhere: dict[_Name, list[Took]] = defaultdict(list)
        for name, record in _records(_read(self._path)):
            if record.get("elsewhere"):
                elsewhere[name].append(_took(name, record))
            elif record["ok"]:
                known[name].append(record["seconds"])
        self._known = known
        self._elsewhere = {
            name: [took.seconds for took in latest(each)] for name, each in elsewhere.items()
        }

    def last(self, image: str) -> list[Took]:
        """The last five times of each good work on an image and its stages, here or elsewhere."""
        found: dict[_Name, list[Took]] = defaultdict(list)
        for name, record in _records(_read(self._path)):
            if record["ok"] and name[0].partition(":")[0] == image:
                found[name].append(_took(name, record))
        return [took for each in found.values() for took in latest(each)]

    def learn(self, told: Iterable[Took]) -> None:
        """Remember what other machines told, the last five times of each work; that it cannot be
        written is no error.
        """
        works: dict[_Name, list[Took]] = defaultdict(list)
        for took in told:
            works[took.layer, took.action].append(took)
        lines = [
            json.dumps({**took._asdict(), "key": "", "ok": True, "elsewhere": True}).encode()
            for each in works.values()
            for took in latest(each)
        ]
        if lines:
            self._write(b"\n".join(lines) + b"\n")
            self._known = None

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

    def works(self) -> list[tuple[float, str, str, str, float, bool]]:
        """All that is remembered, oldest first: time, layer, action, key, seconds, success.

        The time is when it ended, in Unix seconds; what does not tell it is left out.  What another
        machine did has no key, and is told once, however often it was heard of.
        """
        rows = [
            (float(each["time"]), *name, each["key"], float(each["seconds"]), each["ok"])
            for name, each in _records(_read(self._path))
            if isinstance(each.get("time"), int) and isinstance(each.get("key"), str)
        ]
        return sorted(set(rows))

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
        self._write(json.dumps(record).encode() + b"\n")

    def _write(self, lines: bytes) -> None:
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(os.path.abspath(self._path)), exist_ok=True)
            self._append(lines)

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


def likely(times: Sequence[float]) -> float:
    """The median of some times, oldest first, each of which weighs twice the one before it.

    Between two of them it lies in proportion.  So a machine that is busier now, or a new one,
    counts at once, and one odd time hardly.
    """
    weighed = sorted((seconds, 2.0**place) for place, seconds in enumerate(times))
    half, below = (2.0 ** len(times) - 1) / 2, 0.0
    seconds, place = weighed[0][0], 0.0
    for each, weight in weighed:
        middle = below + weight / 2
        if middle >= half:
            share = (half - place) / (middle - place) if below else 1.0
            return seconds + (each - seconds) * share
        seconds, place, below = each, middle, below + weight
    return seconds


def latest(times: Iterable[Took]) -> list[Took]:
    """The last five of some times of one work, each once, however often it was told."""
    return sorted(dict.fromkeys(times), key=lambda took: took.time)[-_COUNTED:]


def _took(name: _Name, record: dict[str, Any]) -> Took:
    when = record.get("time")
    return Took(*name, when if isinstance(when, int) else 0, record["seconds"])


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
