"""Wording: how events read as text, the same on a terminal and in a log."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

from layers.runtime.events import Finished, Stalled, Started
from layers.runtime.units import seconds as as_seconds

_DONE = {
    "build": "built",
    "assemble": "assembled",
    "pull": "pulled",
    "push": "pushed",
    "tag": "tagged",
    "rootfs": "made",
    "prepare": "ready",
    "copy": "copied",
}
# ECMA-48: CSI sequences, OSC strings, two-character escapes
_ESCAPES = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_a-z0-9=>])"
_STAGE = r"\[[^\]]*\d+/\d+\] "
_STEP_WIDTH = 100  # characters of a step's text that a log line shows


def printable(text: str) -> str:
    """``text`` on one line, without escape sequences and control characters."""
    text = re.sub(_ESCAPES, "", text)
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def step_name(name: str, width: int = _STEP_WIDTH) -> str:
    """A step without BuildKit's ``[stage n/m]``, cut to ``width`` characters."""
    text = printable(re.sub(_STAGE, "", name, count=1))
    return text if len(text) <= width else f"{text[: width - 2].rstrip()} …"


def started(event: Started) -> str:
    """What begins, why, and how long it took before."""
    text: str = event.action
    if event.reason:
        text += f": {printable(event.reason)}"
    if event.expected is not None:
        text += f" (about {as_seconds(event.expected)})"
    return text


def finished(event: Finished, whole: str = "") -> str:
    """What came of it and after how long; ``whole`` says how much was moved for it."""
    if event.ok:
        text = f"{_DONE[event.action]} in {as_seconds(event.seconds)}"
    else:
        text = f"{event.action} failed after {as_seconds(event.seconds)}"
    detail = printable(event.detail) or (whole if event.ok else "")
    return f"{text}: {detail}" if detail else text


def stalled(event: Stalled) -> str:
    """Which step is silent, for how long, its last lines, and what may be behind it."""
    step = f"step {event.number}/{event.total} " if event.number else ""
    head = f"nothing printed for {as_seconds(event.seconds)}: {step}{step_name(event.name)}"
    lines = [f"    | {printable(line)}".rstrip() for line in event.lines]
    last = ["  last lines:", *lines] if lines else []
    advice = [f"  {event.advice}"] if event.advice else []
    return "\n".join([head, *last, *advice])


def idle(names: Sequence[str], seconds: float) -> str:
    """That nothing had to be done; empty for no names."""
    if not names:
        return ""
    if len(names) == 1:
        return f"{names[0]} is up to date ({seconds:.2f} s)"
    return f"{len(names)} layers are up to date ({seconds:.2f} s)"


class Output:
    """Writes whole lines; a reader that went away (``| head``) ends the writing, not the run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    def line(self, text: str) -> None:
        """Write ``text`` and a newline at once."""
        if self._gone:
            return
        try:
            try:
                self._stream.write(f"{text}\n")
            except UnicodeEncodeError:
                encoding = self._stream.encoding or "ascii"
                self._stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
            self._stream.flush()
        except (BrokenPipeError, ValueError):  # ValueError: closed file
            self._gone = True
