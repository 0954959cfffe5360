"""Faults of a registry as values: which requests are broken, and how."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """The proxy answers itself; the registry never hears of the request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Reset:
    """After this many bytes of the answer's body the connection is reset (a TCP RST)."""

    after: int = 0


@dataclass(frozen=True)
class ResetUpload:
    """After this many bytes of the request's body the connection is reset, at both sides."""

    after: int = 0


@dataclass(frozen=True)
class Truncate:
    """The answer ends after this many bytes of its body, and says so in Content-Length."""

    after: int = 0


@dataclass(frozen=True)
class Corrupt:
    """One bit of the answer's body at this offset is another."""

    at: int = 0


@dataclass(frozen=True)
class Delay:
    """The request waits this many seconds before it goes on."""

    seconds: float


@dataclass(frozen=True)
class Header:
    """The answer comes with this header instead of its own."""

    name: str
    value: str


@dataclass
class Hold:
    """The request waits until the test lets it go; ``reached`` tells that it is there."""

    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


Action = Answer | Reset | ResetUpload | Truncate | Corrupt | Delay | Header | Hold


@dataclass
class Rule:
    """Breaks requests of a method (``|`` between several) whose path matches a pattern."""

    method: str
    path: str
    """A regular expression, searched in the path with its query."""
    action: Action
    first: int = 1
    """The matching request to begin with, counted from 1."""
    times: int | None = None
    """How many are broken; None: all that follow."""
    seen: int = 0
    hits: int = 0
    """Requests that were broken: a test that asserts on it knows that the fault happened."""

    def takes(self, method: str, path: str) -> bool:
        """Count a request in; true when it is to be broken."""
        if method not in self.method.split("|") or not re.search(self.path, path):
            return False
        self.seen += 1
        if self.seen < self.first or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True
