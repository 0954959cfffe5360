"""Faults: why nobody can tell what an image is made from; an image with one has no key."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hashes.errors import LayersError


class CycleError(LayersError):
    """Images that are made from each other."""


class ParentUnknown(LayersError):
    """An image that is made from one that has a fault."""

    def __init__(self, image: str, parents: Iterable[str], cause: LayersError) -> None:
        """``cause``: the fault below, which is told where nothing else tells it."""
        self.cause: LayersError = cause.cause if isinstance(cause, ParentUnknown) else cause
        names = " and ".join(parents)
        super().__init__(f"{image} is made from {names}, which has an error", hint=str(self.cause))


def unreadable(error: OSError, root: str) -> LayersError:
    """The fault of an image that has a file or folder which cannot be read.

    Raises the error itself where it is no fault of that file: a full disk, or no file is named.
    """
    from layers.runtime.disk_errors import disk_fault

    if error.filename is None or disk_fault(error) is not None:
        raise error
    path = os.fsdecode(error.filename)
    shown = os.path.relpath(path, root) if os.path.isabs(path) else path
    hint = {
        IsADirectoryError: "a file is expected there, and it is a folder",
        PermissionError: "whoever runs doit must be able to read it: see `ls -ld`",
        FileNotFoundError: "it is not there, or went away meanwhile",
    }.get(type(error), "")
    return LayersError(f"cannot be read: {error.strerror}", file=shown, hint=hint)
