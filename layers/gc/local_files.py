"""Local files: what lies in ``.layers`` and is of no use any more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from layers.gc.item import KEY
from layers.runtime.files import read_any

HOUR = 3600.0
DAY = 24 * HOUR
MONTH = 30 * DAY


@dataclass(frozen=True)
class Leftover:
    """A file or folder that may go."""

    path: str
    """Below ``.layers``."""
    reason: str
    size: int
    """Bytes of all files in it."""


def leftovers(
    folder: str, images: Collection[str], keys: Collection[str] | None, now: float
) -> tuple[Leftover, ...]:
    """What may go from ``folder``; ``now`` in Unix seconds.

    ``images`` are those of the project, ``keys`` those that are anywhere still: None when nobody
    asked everywhere, and then nothing that belongs to a key goes.
    """
    found = [
        *(_manifests(folder, keys) if keys is not None else ()),
        *_logs(folder, images, now),
        *_transfers(folder, images, now),
        *_scratch(folder),
        *_parts(folder, now),
    ]
    return tuple(
        Leftover(path, reason, _size(os.path.join(folder, path))) for path, reason in found
    )


def remove(folder: str, each: Leftover) -> None:
    """Take it away; what is gone already is no error."""
    path = os.path.join(folder, each.path)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


_Row = tuple[str, str]


def _manifests(folder: str, keys: Collection[str]) -> Iterator[_Row]:
    """Records of keys that are nowhere, and that no record which stays speaks of."""
    there = {
        name.removesuffix(".json"): f"manifests/{name}"
        for name in _names(folder, "manifests")
        if KEY.fullmatch(name.removesuffix(".json"))
    }
    kept: set[str] = set()
    todo = [key for key in there if key in keys]
    while todo:
        key = todo.pop()
        if key in kept or key not in there:
            continue
        kept.add(key)
        if len(kept) < len(there):
            todo += KEY.findall(read_any(os.path.join(folder, there[key])))
    reason = "the key is nowhere any more"
    yield from ((path, reason) for key, path in there.items() if key not in kept)
    for name in _names(folder, "unpushed"):
        if KEY.fullmatch(name.rpartition("@")[2]) and name.rpartition("@")[2] not in keys:
            yield f"unpushed/{name}", reason


def _logs(folder: str, images: Collection[str], now: float) -> Iterator[_Row]:
    for name in _names(folder, "logs"):
        path = f"logs/{name}"
        if os.path.isdir(os.path.join(folder, path)):
            if not any(name == image or name.startswith(f"{image}.") for image in images):
                yield path, "no image of the project has this name"
        elif name.startswith("bug-") and _age(folder, path, now) > MONTH:
            yield path, "older than a month"


def _transfers(folder: str, images: Collection[str], now: float) -> Iterator[_Row]:
    for image in _names(folder, "sent"):
        if image not in images:
            yield f"sent/{image}", "no image of the project has this name"
            continue
        for name in _names(folder, "sent", image):
            path = f"sent/{image}/{name}"
            if name.startswith("once-") and _age(folder, path, now) > DAY:
                yield path, "a transfer that was killed"


def _scratch(folder: str) -> Iterator[_Row]:
    for name in _names(folder, "tmp"):
        owner = name.partition("-")[0]
        if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            yield f"tmp/{name}", "a build that was killed"


def _parts(folder: str, now: float) -> Iterator[_Row]:
    """What `write_whole` leaves when it is killed."""
    for below in ((), ("manifests",), ("bases",), ("unpushed",), ("verified",)):
        for name in _names(folder, *below):
            path = "/".join((*below, name))
            if name.endswith(".part") and _age(folder, path, now) > HOUR:
                yield path, "a file that was never finished"


def _names(folder: str, *below: str) -> Iterable[str]:
    try:
        return sorted(os.listdir(os.path.join(folder, *below)))
    except OSError:
        return ()


def _age(folder: str, path: str, now: float) -> float:
    try:
        return now - os.lstat(os.path.join(folder, path)).st_mtime
    except OSError:
        return 0.0


def _size(path: str) -> int:
    if not os.path.isdir(path) or os.path.islink(path):
        return _bytes(path)
    return sum(
        _bytes(os.path.join(base, name)) for base, _, names in os.walk(path) for name in names
    )


def _bytes(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
