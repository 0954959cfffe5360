"""The lock as a file that a refresh owns while it runs."""

from __future__ import annotations

import os

from hashes.errors import LayersError
from layers.lock.lock import LOCK_FILE, Lock
from layers.runtime.files import write_whole


class LockFile:
    """``images.lock``, written whole, and only over what was read."""

    def __init__(self, root: str, known: Lock) -> None:
        """``known`` is what was read of it."""
        self._path = os.path.join(root, LOCK_FILE)
        self._read = self._text()
        self._known = known

    def write(self, lock: Lock) -> None:
        """Write a lock unless the file says that already, in whatever words.

        Raises LayersError when something else wrote the file meanwhile.
        """
        if lock == self._known:
            return
        if self._text() != self._read:
            raise LayersError(
                f"{LOCK_FILE} was changed by something else meanwhile",
                hint="it was left as it is; run again",
            )
        text = lock.text()
        write_whole(self._path, text.encode())
        self._read, self._known = text, lock

    def _text(self) -> str | None:
        try:
            with open(self._path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return None
