"""Room: what an engine that could not start says where the disk is all but full."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from hashes.errors import LayersError
from layers.runtime.units import size
from layers.setup.private.paths import Places

LITTLE = 400 << 20
"""Bytes free below which a full disk may be the reason; the packages unpack to as much.

Nothing is refused beforehand: an engine that is there starts with a few megabytes.
"""

FULL = "no space left on device"
"""What the system says of a full disk, whichever program tells it."""


class Disk(NamedTuple):
    """What is left on the disk of a folder, in bytes."""

    free: int
    folder: str


@contextmanager
def room_is_told(places: Places) -> Iterator[None]:
    """Where the block fails and the engine has little room, say how much there is and what to do.

    Raises LayersError in place of what was raised, and of an OSError for want of room.
    """
    try:
        yield
    except (LayersError, OSError) as error:
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        disk = least(places)
        if disk.free >= LITTLE and not full:
            raise
        said = error.message if isinstance(error, LayersError) else str(error)
        hint = error.hint if isinstance(error, LayersError) else ""
        left = f"{size(disk.free)} ({disk.free} bytes) are free on the disk of {disk.folder}"
        lines = [line.strip() for line in said.splitlines()]
        if full or FULL in said:
            told = next((line for line in reversed(lines) if FULL in line), lines[-1])
            text = f"no room for the private engine: {left}\n  {told}"
            raise LayersError(text, hint=advice(places)) from error
        text = f"{said}\n  {left}; if that is why:"
        raise LayersError(text, hint=f"{advice(places)}\n  else: {hint}") from error


def least(places: Places) -> Disk:
    """The disk with the least room of those that the engine and its registry write to."""
    found = []
    for folder in (places.engine, places.data, places.registry_data):
        if os.path.isdir(folder):
            status = os.statvfs(folder)
            found.append(Disk(status.f_bavail * status.f_frsize, folder))
    return min(found)


def advice(places: Places) -> str:
    """What to do, and what of our own may be deleted."""
    ours = [one for one in (*places.all_data, places.registry_data) if os.path.isdir(one)]
    if not ours:
        return "make room there, then run again"
    return (
        f"make room there, then run again; {', '.join(ours)} may be deleted after"
        " `doit engine stop`: images are then built or pulled anew"
    )
