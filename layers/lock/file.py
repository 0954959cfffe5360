"""The lock as a file that several commands write, each only over what it has read."""

from __future__ import annotations

import os

from hashes.errors import LayersError
from layers.lock.lock import LOCK_FILE, Lock
from layers.runtime.files import read_text, write_whole
from layers.runtime.state import StateFolder


class LockFile:
    """``images.lock``, written whole, and only over what was read."""

    def __init__(self, root: str, known: Lock) -> None:
        """``known`` is what was read of it.  Raises LayersError when it says something else now."""
        self._path = os.path.join(root, LOCK_FILE)
        self._state = StateFolder(root)
        self._read = self._text()
        self._known = known
        if (Lock() if self._read is None else Lock.parse(self._read, LOCK_FILE)) != known:
            raise _changed()

    def write(self, lock: Lock, *, create: bool = False) -> None:
        """Write a lock unless the file says that already, in whatever words.

        ``create``: an empty lock where there is no file is written, too. Raises LayersError when
        something else wrote the file meanwhile.
        """
        if lock == self._known and not (create and self._read is None):
            return
        text = lock.text()
        with self._state.lock(LOCK_FILE):  # nobody of ours writes between the look and the write
            if self._text() != self._read:
                raise _changed()
            write_whole(self._path, text.encode())
        self._read, self._known = text, lock

    def _text(self) -> str | None:
        try:
            return read_text(self._path, LOCK_FILE)
        except FileNotFoundError:
            return None


def _changed() -> LayersError:
    return LayersError(
        f"{LOCK_FILE} was changed by something else meanwhile",
        hint="it was left as it is; run again",
    )
