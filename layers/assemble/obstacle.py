"""Obstacles: why a step cannot be done without an engine, and where it stands."""

from __future__ import annotations

from typing import NamedTuple

MOST_READ = 256 << 20
"""Bytes of filesystem layers, as they are sent, that are read for one image."""


class Blocked(Exception):
    """Raised inside of a step; the text is the reason, and whoever knows the line adds it."""


def through(path: str) -> str:
    """Why nobody knows what an image has: see `unpacking.Doubts`."""
    return f"a layer puts things on /{path}, a link of a lower one: engines differ in what is there"


class Obstacle(NamedTuple):
    """What stands in the way of assembling an image."""

    line: int
    """In the Dockerfile, from 1; 0: it is no line that stands in the way."""
    step: str
    """The instruction's keyword; "" where it is none."""
    reason: str

    def __str__(self) -> str:
        where = f"{self.step} in line {self.line}: " if self.line and self.step else ""
        return f"{where}{self.reason}"
