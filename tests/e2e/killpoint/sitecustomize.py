"""Python loads this at its start: traces what a process does to the world, or kills it there.

``KILL_TRACE`` names a file to append a line to for each effect. ``KILL_AT`` is a pattern:
as soon as it is found in the lines so far, and before the last of them happens, the process gets
SIGKILL: no handler runs, nothing is flushed.
"""

from __future__ import annotations

import os
import re
import signal
import sys

_EFFECTS = {"open", "os.rename", "os.remove", "os.mkdir", "os.symlink", "os.rmdir"} | {
    "subprocess.Popen",
    "socket.connect",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_NOISE = re.compile(r"__pycache__|/dev/null|\.pyc|/proc/|^/sys/")


def _say(event: str, args: tuple[object, ...]) -> str:
    """What is about to happen, in a line; "" for what changes nothing out there."""
    if event not in _EFFECTS:
        return ""
    if event == "open" and not (isinstance(args[2], int) and args[2] & _WRITES):
        return ""
    told = f"{event} {args[1] if event in ('socket.connect', 'os.rename') else args[0]}"
    return "" if _NOISE.search(told) else told


class _Watch:
    """Counts effects."""

    def __init__(self) -> None:
        self.trace = os.environ.get("KILL_TRACE", "")
        self.at = re.compile(os.environ.get("KILL_AT", r"\Z."), re.S)
        self.told = ""
        self.busy = False

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if self.busy or not (told := _say(event, args)):
            return
        self.told += f"{told}\n"
        if self.trace:
            self.busy = True
            with open(self.trace, "a", encoding="utf-8") as file:
                file.write(f"{told}\n")
            self.busy = False
        if self.at.search(self.told):
            os.kill(os.getpid(), signal.SIGKILL)


if "KILL_TRACE" in os.environ or "KILL_AT" in os.environ:
    sys.addaudithook(_Watch())
