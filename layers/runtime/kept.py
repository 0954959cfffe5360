"""What registries told that cannot change: small contents, kept by name under ``.layers``."""

from __future__ import annotations

import contextlib
import os

from layers.runtime.files import write_whole

MOST = 64
"""Contents; of more the one that was not read for the longest time goes."""
LARGEST = 16 << 20
"""Bytes of a content; a larger one is not kept."""


class Kept:
    """A folder of contents; one that is damaged is found out by who asks for it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes | None:
        """The content of a name; None: it is not here."""
        path = os.path.join(self._folder, name)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # a checkout that cannot be written to
            os.utime(path)
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keep a content, where that is possible."""
        if len(content) > LARGEST:
            return
        with contextlib.suppress(OSError):
            write_whole(os.path.join(self._folder, name), content)
            self._prune()

    def _prune(self) -> None:
        with os.scandir(self._folder) as entries:
            known = [(entry.stat().st_mtime_ns, entry.path) for entry in entries]
        for _, path in sorted(known)[: max(0, len(known) - MOST)]:
            os.unlink(path)
