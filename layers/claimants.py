"""Claimants: who claims a key, so that a process of ours that was killed is not waited for."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator

_BOOT = "/proc/sys/kernel/random/boot_id"


@contextlib.contextmanager
def claimant(path: str) -> Iterator[tuple[str, str | None]]:
    """A new name for us, and that of a process of this checkout that was killed while it claimed.

    Whoever enters holds the lock on what is claimed, so that another process of this checkout
    that still claims it cannot be.  The file at ``path`` tells its own inode and the machine's
    boot: a copy, as a CI cache makes one, names nobody.
    """
    owner = os.urandom(8).hex()
    dead = _read(path)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            json.dump({"owner": owner, "place": _place(file.fileno())}, file)
    yield owner, dead
    with contextlib.suppress(OSError):
        os.unlink(path)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            value = json.load(file)
            return str(value["owner"]) if value["place"] == _place(file.fileno()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(file: int) -> list[int | str]:
    """What no copy of a file has in common with it."""
    with open(_BOOT, encoding="ascii") as boot:
        about = os.fstat(file)
        return [about.st_dev, about.st_ino, boot.read().strip()]
