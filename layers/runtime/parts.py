"""Parts: bytes that come in parts, as a file, and as an archive of files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any


def as_file(parts: Iterator[bytes], buffer: int = 1 << 20) -> io.BufferedReader:
    """Parts as a file that is read once, from its beginning; ``buffer`` in bytes."""
    return io.BufferedReader(_Parts(parts), buffer)


def regular_files(
    body: Iterator[bytes], wanted: Callable[[str], bool], above: str
) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files in a tar that comes as a stream, below ``above``."""
    import tarfile

    with tarfile.open(fileobj=as_file(body), mode="r|") as archive:
        for member in archive:
            path = f"{above}/{member.name.removeprefix('./').strip('/')}"
            if member.isreg() and wanted(path):
                file = archive.extractfile(member)
                if file is not None:
                    yield path, file.read()


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
