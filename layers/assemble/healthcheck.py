"""Health checks: HEALTHCHECK as an image's configuration has it."""

from __future__ import annotations

import re
from typing import Any

from hashes.dockerfile.instruction import Instruction
from layers.assemble.obstacle import Blocked

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,
    "\u03bcs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+)(?:\.([0-9]*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
SHORTEST = 1_000_000
"""Nanoseconds of a duration that Docker takes, if it is not 0 (container.MinimumDuration)."""
_NAMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


def healthcheck(item: Instruction) -> dict[str, Any]:
    """The value of ``Healthcheck``; fields of 0 are left out.  Raises Blocked."""
    form = item.words[0].upper()
    if form == "NONE":
        return {"Test": ["NONE"]}
    command = list(item.words[1:])
    test = ["CMD", *command] if item.json else ["CMD-SHELL", " ".join(command)]
    found: dict[str, Any] = {"Test": test}
    for flag, name in _NAMES.items():
        value = duration(item.flag(flag) or "")
        if 0 < value < SHORTEST:
            raise Blocked(f"--{flag}={item.flag(flag)} is shorter than a millisecond")
        if value:
            found[name] = value
    retries = item.flag("retries") or "0"
    if not re.fullmatch("[0-9]{1,9}", retries):
        raise Blocked(f"--retries={retries} is no number")
    if int(retries):
        found["Retries"] = int(retries)
    return found


def duration(text: str) -> int:
    """Nanoseconds of a duration in Go's form, such as ``1m30s``; "" is 0.  Raises Blocked."""
    if text in ("", "0"):
        return 0
    total, at = 0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            raise Blocked(f"{text!r} is not clearly a duration")
        unit, more = _UNITS[part[3]], part[2] or ""
        total += int(part[1]) * unit + (int(more) * unit // 10 ** len(more) if more else 0)
        at = part.end()
    if total >= 1 << 63:
        raise Blocked(f"{text!r} is too long a duration")
    return total
