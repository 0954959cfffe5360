"""Words: the lines of a failed step that tell something, without what tools say after them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NOISE = re.compile(
    r"""
    \s*$
    | \s*(?:\d+\s)?\s*\|                        # gcc's excerpt of the source
    | \s*compilation\ terminated\.
    | \s*collect2:\ error:\ ld\ returned
    | \s*g?make(?:\[\d+\])?:\ (?:\*\*\*\ \[|Leaving\ directory)
    | \s*ninja:\ build\ stopped
    | \s*\[end\ of\ output\]
    | \s*note:\ (?:This\ error\ originates|This\ is\ an\ issue\ with\ the\ package)
    | \s*hint:\ See\ above
    | \s*error:\ (?:subprocess-exited-with-error|metadata-generation-failed)
    | \s*error:\ [Cc]ommand\ .*(?:returned\ non-zero\ exit|failed\ with\ exit)
    | \s*error:\ failed-wheel-build-for-install
    | \s*(?:×|│|╰─>)
    | \s*ERROR:\ (?:Failed\ building\ wheel|Could\ not\ build\ wheels|Failed\ to\ build)
    | \s*Failed\ to\ build\b
    | \s*\[notice\]
    | \s*npm\ notice
    | \s*npm\ (?:error|ERR!)\s*(?:A\ complete\ log|\ \ \ \ /|/|$)
    | \s*More\ details\ here:\ https://curl | curl\ failed\ to\ verify | establish\ a\ secure
    | how\ to\ fix\ it,\ please
    | To\ learn\ more\ about\ this\ situation
    | \s*Please\ make\ sure\ you\ have\ the\ correct\ access | and\ the\ repository\ exists
    | W:\ | N:\                                  # apt's warnings and notices
    | tar:\ Error\ is\ not\ recoverable
    | \}$ | Node\.js\ v                          # after an error that nobody caught
    | Errors\ were\ encountered\ while\ processing | \ \S+$
    | E:\ Sub-process\ /usr/bin/dpkg
    """,
    re.VERBOSE,
)
"""What tools print after they said what is wrong."""

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_STATUS = re.compile(r"did not complete successfully: exit code: (\d+)")
_PROCESS = re.compile(r'process "((?:[^"\\]|\\.)*)" did not complete successfully', re.DOTALL)


def telling(lines: Sequence[str]) -> list[str]:
    """``lines`` without their ends, up to the last one that tells something."""
    told = [line.rstrip() for line in lines]
    while told and _NOISE.match(told[-1]):
        told.pop()
    return told


def exit_status(error: str) -> int | None:
    """The exit status in BuildKit's error; None: the step did not end by itself."""
    found = _STATUS.search(error)
    return int(found[1]) if found else None


def ran(error: str) -> str:
    """The command that failed, as BuildKit's error has it; empty: none did."""
    found = _PROCESS.search(error)
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), found[1]) if found else ""
