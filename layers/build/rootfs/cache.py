"""Package cache: fetched Debian packages, kept for the next base and checked when lent."""

from __future__ import annotations

import contextlib
import os
import shutil
import time

import xxhash

_KEPT_SECONDS = 30 * 86400


class DebCache:
    """A folder of ``<xxh3>_<name>.deb``; damage or a lost file costs a download, nothing else.

    Safe for two processes at once: an entry appears whole, by rename, and is never changed.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def lend(self, target: str) -> int:
        """Put every sound entry into ``target`` and return their number; unsound ones go."""
        count = 0
        for entry in self._entries():
            digest, _, name = entry.partition("_")
            path = os.path.join(self._folder, entry)
            try:
                if _hash(path) != digest or time.time() - os.stat(path).st_mtime > _KEPT_SECONDS:
                    os.unlink(path)
                    continue
                _copy(path, os.path.join(target, name))
            except OSError:
                continue
            count += 1
        return count

    def keep(self, source: str) -> None:
        """Take every package in ``source``; full disks and the like are no error."""
        with contextlib.suppress(OSError):
            os.makedirs(self._folder, exist_ok=True)
            known = {entry.partition("_")[2] for entry in self._entries()}
            for name in os.listdir(source):
                if not name.endswith(".deb") or name in known:
                    continue
                path = os.path.join(source, name)
                new = os.path.join(self._folder, f".{os.getpid()}-{name}")
                shutil.copyfile(path, new)
                os.replace(new, os.path.join(self._folder, f"{_hash(new)}_{name}"))

    def _entries(self) -> list[str]:
        try:
            return sorted(n for n in os.listdir(self._folder) if n.endswith(".deb") and n[0] != ".")
        except OSError:
            return []


def _hash(path: str) -> str:
    state = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()


def _copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
