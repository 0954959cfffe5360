"""What an engine sends of a container: two streams in one, and archives of files."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator
from io import RawIOBase

from layers.engine.containers import KEPT


def demultiplex(chunks: Iterable[bytes]) -> tuple[str, str]:
    """Standard output and standard error out of the engine's one stream.

    Each frame: one byte for the stream (1, 2), three of zero, four for the length, big-endian,
    then that many bytes (Engine API, "Attach to a container"). The last `KEPT` bytes of each
    are kept, and read as UTF-8.
    """
    kept = {1: bytearray(), 2: bytearray()}
    rest = bytearray()
    stream, left = 0, 0
    for chunk in chunks:
        rest += chunk
        while rest:
            if not left:
                if len(rest) < 8:
                    break
                stream, left = rest[0], int.from_bytes(rest[4:8], "big")
                del rest[:8]
                continue
            part = rest[:left]
            left -= len(part)
            del rest[: len(part)]
            into = kept.setdefault(stream, bytearray())
            into += part
            del into[: max(0, len(into) - KEPT)]
    return tuple(kept[number].decode("utf-8", "replace") for number in (1, 2))  # type: ignore[return-value]  # two of them


def regular_files(
    body: Iterator[bytes], wanted: Callable[[str], bool], above: str
) -> Iterator[tuple[str, bytes]]:
    """Path and content of the wanted files in a tar that comes as a stream, below ``above``."""
    with tarfile.open(fileobj=_Stream(body), mode="r|") as archive:
        for member in archive:
            path = f"{above}/{member.name.removeprefix('./').strip('/')}"
            if member.isreg() and wanted(path):
                file = archive.extractfile(member)
                if file is not None:
                    yield path, file.read()


class _Stream(RawIOBase):
    """Chunks as a file that is read once, from its beginning."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, need = [], size if size >= 0 else 1 << 62
        while need:
            if not self._rest:
                self._rest = next(self._chunks, b"")
                if not self._rest:
                    break
            part, self._rest = self._rest[:need], self._rest[need:]
            parts.append(part)
            need -= len(part)
        return b"".join(parts)
