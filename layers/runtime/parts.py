"""Parts: bytes that come in parts, as a file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any


def as_file(parts: Iterator[bytes], buffer: int = 1 << 20) -> io.BufferedReader:
    """Parts as a file that is read once, from its beginning; ``buffer`` in bytes."""
    return io.BufferedReader(_Parts(parts), buffer)


class _Parts(io.RawIOBase):
    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
