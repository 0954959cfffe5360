"""Children: each build is a ``doit`` of its own, as if it were typed.

A process reads ``images.toml``, the dodo.py and the lock once; a new one reads them as they are
now, and whatever it ends with, watching goes on.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from threading import Event
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Children:
    """Runs one child at a time; what ends us ends the child first, in its own good order."""

    def __init__(self, root: str) -> None:
        self.stop = Event()
        """Set once somebody asked for the end."""
        self._root = root
        self._child: subprocess.Popen[bytes] | None = None

    def install(self) -> None:
        """Hear of Ctrl-C and its like from now on."""
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
                signal.signal(number, self._ended)

    def _ended(self, _number: int, _frame: FrameType | None) -> None:
        self.stop.set()
        if self._child is not None:
            self._child.terminate()  # SIGINT, before it hears it, would be a traceback

    def run(self, words: Sequence[str]) -> int:
        """Run ``doit`` with these words; its exit status.

        It leads a session of its own, so that Ctrl-C reaches us alone, and is handed on once.
        """
        sys.stdout.flush()
        child = self._child = subprocess.Popen(
            [*program(), *words],
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self.stop.is_set():  # asked for before anybody knew of the child
            child.terminate()
        status = child.wait()
        self._child = None
        return status


def program() -> list[str]:
    """How this very ``doit`` was called."""
    script = sys.argv[0]
    if os.path.basename(script) == "__main__.py" or not os.path.isfile(script):
        return [sys.executable, "-m", "doit"]
    return [sys.executable, os.path.abspath(script)]
