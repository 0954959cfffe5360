"""Pinned files: those that count by a given hash, whether this machine has them or not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

MODE = 0o644
DIRECTORY_MODE = 0o755


class Promised:
    """A pinned file that is not on this machine, or a directory on the way to one."""

    def __init__(self, file: bool) -> None:
        mode = stat.S_IFREG | MODE if file else stat.S_IFDIR | DIRECTORY_MODE
        self._status = os.stat_result((mode, *[0] * 9))
        self._file = file

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 - DirEntry's
        return not self._file

    def is_symlink(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 - DirEntry's
        return self._status


def parents_of(paths: Iterable[str]) -> dict[str, set[str]]:
    """Say for each directory which entries pinned files need in it."""
    below: dict[str, set[str]] = {}
    for path in paths:
        at = path
        while at:
            at, _, name = at.rpartition("/")
            below.setdefault(at, set()).add(name)
    return below
