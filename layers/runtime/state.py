"""What we keep under ``.layers``: a cache in every part, written whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator

from layers.runtime import signals
from layers.runtime.files import _alive, write_whole


class StateFolder:
    """The folder ``.layers`` of a checkout; deleting any of it costs time, never correctness."""

    def __init__(self, root: str) -> None:
        self.folder = os.path.join(root, ".layers")

    def path(self, *parts: str) -> str:
        """A path below the folder; nothing is created."""
        return os.path.join(self.folder, *parts)

    def log(self, layer: str) -> str:
        """Where the whole output of a layer's last build goes."""
        return self.path("logs", layer.replace(":", "."), "build.log")

    def first_time(self, text: str) -> bool:
        """Whether this was never said in this checkout; from now on it was."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        path = self.path("said", digest[:16])
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o644))
        except FileExistsError:
            return False
        return True

    def unpushed(self) -> frozenset[str]:
        """Layers whose last push failed, as ``layer@key``."""
        try:
            return frozenset(os.listdir(self.path("unpushed")))
        except OSError:
            return frozenset()

    def mark_unpushed(self, mark: str, owed: bool) -> None:
        """Remember, or forget, that a layer still has to go to the registry."""
        if owed:
            write_whole(self.path("unpushed", mark), b"")
        else:
            with contextlib.suppress(OSError):
                os.unlink(self.path("unpushed", mark))

    @contextlib.contextmanager
    def scratch(self) -> Iterator[str]:
        """A folder for one build, for nobody else's eyes: a secret may lie in it for a while.

        It goes when the build ends or is interrupted; what a killed process left goes with the
        next build.
        """
        import shutil
        import tempfile

        home = self.path("tmp")
        os.makedirs(home, mode=0o700, exist_ok=True)
        for name in os.listdir(home):
            if not _alive(name.partition("-")[0]):
                shutil.rmtree(os.path.join(home, name), ignore_errors=True)
        folder = tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=home)
        forget = signals.at_farewell(lambda: shutil.rmtree(folder, ignore_errors=True))
        try:
            yield folder
        finally:
            forget()
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def lock(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold ``name`` against other processes of this checkout; ends with the process.

        Without ``wait`` it gives False where another process holds it.
        """
        path = self.path("locks", name.replace(":", "."))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def busy(self) -> tuple[str, ...]:
        """Names that some process holds now, with ``:`` as ``.``."""
        try:
            names = sorted(os.listdir(self.path("locks")))
        except OSError:
            return ()
        found = []
        for name in names:
            with self.lock(name, wait=False) as free:
                if not free:
                    found.append(name)
        return tuple(found)
