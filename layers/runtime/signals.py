"""Interruption: whoever presses Ctrl-C gets the prompt back, and no child of ours lives on."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

_children: set[int] = set()  # process groups that a running action started
_farewells: list[Callable[[], None]] = []  # what is put in order before we leave
_lock = threading.Lock()
_starting: set[int] = set()  # threads whose child is not yet among the children
_leaving = threading.Event()
_late = threading.Event()  # the signal came while the main thread started a child

INTERRUPTED = 130

PATIENCE = 3.0
"""Seconds that putting things in order may take before we leave, or use force, all the same."""


def start(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdout: Any = None,
    stderr: Any = None,
) -> subprocess.Popen[str]:
    """Start a child that leads a process group; it is ended when we are interrupted.

    Whoever starts it calls `release` once it has ended. Raises OSError.
    """
    me = threading.get_ident()
    _starting.add(me)
    _stay_while_leaving(me)
    try:
        child = subprocess.Popen(
            words,
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # Ctrl-C reaches us alone; we end it, and say so
        )
        with _lock:
            _children.add(child.pid)
    finally:
        _starting.discard(me)
        if _late.is_set() and threading.current_thread() is threading.main_thread():
            _leave(signal.SIGINT, None)
    return child


def release(group: int) -> None:
    """Forget a process group that has ended; does not return while we leave.

    That the child ended is our own doing then, and nothing is to be made or told of it.
    """
    _stay_while_leaving(threading.get_ident())
    with _lock:
        _children.discard(group)


def _stay_while_leaving(me: int) -> None:
    if _leaving.is_set():
        _starting.discard(me)
        threading.Event().wait()


def at_farewell(action: Callable[[], None]) -> Callable[[], None]:
    """Call ``action`` before an interrupted run leaves, e.g. to remove a secret from the disk.

    Gives a function that takes this back.
    """
    with _lock:
        _farewells.append(action)
    return lambda: _farewells.remove(action)


def end(child: subprocess.Popen[Any]) -> None:
    """End a child that leads a process group, by force after `PATIENCE`, and wait until it has.

    Whatever of its group is left then goes by force. What it prints meanwhile must be read by
    somebody, or it may never come to its end.
    """
    _end([child.pid], time.monotonic() + PATIENCE)
    child.wait()


def _end(groups: Sequence[int], until: float) -> None:
    for group in groups:
        _kill(group, signal.SIGTERM)
    while any(map(_at_work, groups)) and time.monotonic() < until:
        time.sleep(0.02)
    for group in groups:
        _kill(group, signal.SIGKILL)


def _kill(group: int, number: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def _at_work(child: int) -> bool:
    """Whether it has not ended; its status is left to whoever waits for it."""
    with contextlib.suppress(ChildProcessError):
        return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    return False


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
    if threading.get_ident() in _starting:
        _late.set()  # else nobody would know of that child
        return
    _leaving.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.monotonic() + PATIENCE
    # In a thread of its own: whoever holds a lock may be the one that was interrupted.
    farewell = threading.Thread(target=_take_leave, daemon=True)
    farewell.start()
    while _starting and time.monotonic() < until:
        time.sleep(0.005)
    _end(list(_children), until)
    farewell.join(max(0.0, until - time.monotonic()))
    sys.stderr.write("interrupted; nothing half-done was kept, the next run goes on from here\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)  # threads of a run may be blocked in reads; there is nothing to save


def _take_leave() -> None:
    for action in _farewells[::-1]:
        with contextlib.suppress(Exception):  # leaving: nobody is left to tell
            action()
