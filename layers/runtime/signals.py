"""Interruption: whoever presses Ctrl-C gets the prompt back, and no child of ours lives on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_children: set[int] = set()  # process groups that a running action started
_farewells: list[Callable[[], None]] = []  # what is put in order before we leave
_lock = threading.Lock()

INTERRUPTED = 130

PATIENCE = 3.0
"""Seconds that putting things in order may take before we leave, or use force, all the same."""


def adopt(group: int) -> None:
    """Remember a child's process group; it is ended when we are interrupted."""
    with _lock:
        _children.add(group)


def release(group: int) -> None:
    """Forget a process group that has ended."""
    with _lock:
        _children.discard(group)


def at_farewell(action: Callable[[], None]) -> Callable[[], None]:
    """Call ``action`` before an interrupted run leaves, e.g. to remove a secret from the disk.

    Gives a function that takes this back.
    """
    with _lock:
        _farewells.append(action)
    return lambda: _farewells.remove(action)


def end(child: subprocess.Popen[Any]) -> None:
    """End a child that leads a process group, by force after `PATIENCE`, and wait until it has.

    What it prints meanwhile must be read by somebody, or it may never come to its end.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(OSError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE)
            return
    child.wait()


def install() -> None:
    """Make SIGINT, SIGTERM and SIGHUP end the run with status 130; nothing needs saving.

    Nothing half-done can show: tags, lock and manifests are written whole, at the end of what
    they belong to.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # A parent that ignores a signal (nohup) means it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for group in list(_children):
        try:
            os.killpg(group, signal.SIGTERM)
        except OSError:
            _children.discard(group)
    # In a thread of its own: whoever holds a lock may be the one that was interrupted.
    farewell = threading.Thread(target=_take_leave, daemon=True)
    farewell.start()
    farewell.join(PATIENCE)
    sys.stderr.write("interrupted; nothing half-done was kept, the next run goes on from here\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)  # threads of a run may be blocked in reads; there is nothing to save


def _take_leave() -> None:
    for action in _farewells[::-1]:
        with contextlib.suppress(Exception):  # leaving: nobody is left to tell
            action()
