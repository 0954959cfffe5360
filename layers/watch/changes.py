"""Changes: which files were written, told once it is quiet."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator
from threading import Event
from typing import Protocol

from hashes.errors import LayersError

QUIET = 0.2
"""Seconds without a change after which a checkout, or an editor, is taken to be done."""
LONGEST = 10.0
"""Seconds after which what goes on changing is looked at all the same."""
_STEP = 50  # milliseconds in which changes are taken together
_TURN = 100  # milliseconds after which we are asked whether it is quiet


class Watcher(Protocol):
    """Tells of changes in some folders from the moment on that it was made."""

    def wait(self, busy: Callable[[], bool]) -> frozenset[str]:
        """Paths that changed, as soon as it was quiet and nobody is ``busy``; none: it ends."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


class Changes:
    """A `Watcher` by the kernel's notices (inotify and its like), folder by folder.

    Names count, not files: an editor that puts a new file in an old one's place is seen.
    """

    def __init__(self, folders: Collection[str], stop: Event) -> None:
        """Raises LayersError where the system allows no more watches."""
        self._stop = stop
        self._rounds = _Rounds(folders, stop)
        try:
            early = set(next(self._rounds, ()))
        except OSError as error:
            raise LayersError(
                f"{len(folders)} folders cannot be watched: {error}",
                hint="`sysctl fs.inotify.max_user_watches` tells how many may be, for all together",
            ) from error
        # one that went meanwhile is not watched: it is to be looked at again
        self._early = frozenset(early | {path for path in folders if not os.path.isdir(path)})

    def wait(self, busy: Callable[[], bool]) -> frozenset[str]:
        """See `Watcher.wait`."""
        found, self._early = set(self._early), frozenset()
        first = last = time.monotonic()
        for changed in self._rounds:
            now = time.monotonic()
            if changed:
                first = first if found else now
                found |= changed
                last = now
            elif found and (now - first > LONGEST or (now - last >= QUIET and not busy())):
                break
        return frozenset() if self._stop.is_set() else frozenset(found)

    def close(self) -> None:
        """See `Watcher.close`."""
        self._rounds.close()


class _Rounds(Iterator[set[str]]):
    """watchfiles' generator, with paths alone."""

    def __init__(self, folders: Collection[str], stop: Event) -> None:
        from watchfiles import watch

        self._below = watch(
            *sorted(folders),
            watch_filter=None,
            step=_STEP,
            debounce=10 * _STEP,
            rust_timeout=_TURN,
            yield_on_timeout=True,
            recursive=False,
            stop_event=stop,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )

    def __next__(self) -> set[str]:
        return {path for _, path in next(self._below)}

    def close(self) -> None:
        self._below.close()


def git_at_work(root: str) -> Callable[[], bool]:
    """Tells whether git is changing the checkout around a folder, by its lock of the index."""
    at = root
    while not os.path.exists(os.path.join(at, ".git")) and at != os.path.dirname(at):
        at = os.path.dirname(at)
    lock = os.path.join(at, ".git", "index.lock")
    return lambda: os.path.exists(lock)
