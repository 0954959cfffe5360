"""Archives that an engine sends as a stream."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, Any, cast


def regular_files(
    body: Iterator[bytes], wanted: Callable[[str], bool], above: str
) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files in a tar that comes as a stream, below ``above``."""
    with tarfile.open(fileobj=as_file(body), mode="r|") as archive:
        for member in archive:
            path = f"{above}/{member.name.removeprefix('./').strip('/')}"
            if member.isreg() and wanted(path):
                file = archive.extractfile(member)
                if file is not None:
                    yield path, file.read()


def as_file(chunks: Iterator[bytes]) -> IO[bytes]:
    """Chunks as a file that is read once, from its beginning."""
    return cast(IO[bytes], io.BufferedReader(_Chunks(chunks), 1 << 20))


class _Chunks(io.RawIOBase):
    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            piece = next(self._chunks, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(view), len(self._rest))
        view[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size
