"""Watch: look, make, wait; and again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from layers.watch.changes import Watcher
from layers.watch.look import Look

INTERRUPTED = 130


class Effects(Protocol):
    """What watching does, and sees."""

    def look(self) -> Look:
        """What is on the disk now."""
        ...

    def watcher(self, places: Collection[str]) -> Watcher:
        """Watch some folders from now on."""
        ...

    def make(self) -> int:
        """Make the image true; an exit status."""
        ...

    def stopped(self) -> bool:
        """Whether somebody asked for the end."""
        ...

    def tell(self, text: str) -> None:
        """Say a line."""
        ...


def watch(name: str, effects: Effects, busy: Callable[[], bool]) -> int:
    """Make an image whenever what it is made from changed, until somebody ends it; 130.

    What changes while it is made is seen by the look after that: the folders are watched from
    before each look on, so no change falls between two of them.  Which input it
    was, the build tells.
    """
    places: frozenset[str] = frozenset()
    watcher: Watcher | None = None
    done: str | None = None
    fault = ""
    try:
        while not effects.stopped():
            seen = effects.look()
            # a fault may hide folders; its remedy comes in one that was known before
            wanted = seen.places | places if seen.fault else seen.places
            if wanted != places or watcher is None:
                if watcher is not None:
                    watcher.close()
                places, watcher = wanted, effects.watcher(wanted)
                continue
            if seen.fault:
                if seen.fault != fault:
                    effects.tell(f"{seen.fault}\n{name}: not made; watching goes on")
                fault = seen.fault
            elif seen.state != done:
                if done is not None or fault:
                    effects.tell(f"{name}: what it is made from changed")
                fault, done = "", seen.state
                status = effects.make()
                if status == INTERRUPTED or effects.stopped():
                    break
                said = "" if status == 0 else "not made; a change of its inputs tries it again; "
                effects.tell(f"{name}: {said}watching {_folders(places)}")
                continue
            elif fault:
                effects.tell(f"{name}: as it was made last")
                fault = ""
            watcher.wait(busy)
    finally:
        if watcher is not None:
            watcher.close()
    return INTERRUPTED


def _folders(places: Collection[str]) -> str:
    return f"{len(places)} folder{'s' if len(places) != 1 else ''}; Ctrl-C ends it"
