"""Index cache: the names in the package indexes of bases, kept under ``.layers`` for a while."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time

from layers.check.online.package_names import Answer
from layers.runtime.files import read_json, write_whole

KEPT = 8
"""Bases whose names are kept; 1 MB each."""
FRESH_SECONDS = 7 * 86400.0
"""Mirrors get other packages meanwhile, and a name that is only near does no harm."""


class IndexCache:
    """A folder of one file a base; a damaged or lost one costs a look-up."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find(self, reference: str) -> Answer | None:
        """What the index of a base had; ``reference`` holds the base fast, by digest or key."""
        path = self._path(reference)
        try:
            if time.time() - os.stat(path).st_mtime > FRESH_SECONDS:
                return None
        except OSError:
            return None
        value = read_json(path)
        names = value.get("names")
        if not isinstance(names, list):
            return None
        return Answer(system=str(value.get("system", "")), names=tuple(map(str, names)))

    def keep(self, reference: str, answer: Answer) -> None:
        """Remember an answer with all names, and forget the oldest above `KEPT`."""
        import json

        value = {"system": answer.system, "names": answer.names}
        with contextlib.suppress(OSError):  # a full disk is no matter of ours
            write_whole(self._path(reference), json.dumps(value).encode())
            paths = [os.path.join(self._folder, name) for name in os.listdir(self._folder)]
            for path in sorted(paths, key=os.path.getmtime, reverse=True)[KEPT:]:
                os.unlink(path)

    def _path(self, reference: str) -> str:
        digest = hashlib.sha256(reference.encode()).hexdigest()
        return os.path.join(self._folder, f"{digest[:16]}.json")
