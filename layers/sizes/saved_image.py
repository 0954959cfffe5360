"""Saved images: the files of every layer, read from the engine's stream and never kept."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple, cast

from hashes.errors import LayersError

_ZSTD = b"\x28\xb5\x2f\xfd"
_SMALL = 1 << 20
"""Bytes: a blob that begins with ``{`` and is no longer is JSON."""


@dataclass(frozen=True)
class Item:
    """One regular file in a layer, also one that a later layer removes."""

    blob: str
    """The layer's blob, ``sha256:…`` or as the archive names it."""
    path: str
    """Without a leading slash."""
    size: int
    content: bytes
    """Empty when nobody wanted it."""


@dataclass
class Documents:
    """What the archive says about itself; whole once all items were read."""

    layers: tuple[str, ...] = ()
    """Blobs of the layers, the lowest first."""
    config: bytes = b""
    made_by: tuple[str, ...] = ()
    """The first word of what made each layer, such as ``COPY``."""
    _json: dict[str, bytes] = field(default_factory=dict)

    def keep(self, name: str, content: bytes) -> None:
        """Remember a JSON blob."""
        self._json[name] = content

    def settle(self) -> None:
        """Find manifest and configuration among the blobs (docker image save, OCI layout)."""
        listing = json.loads(self._json.get("manifest.json", b"[]"))
        if not listing:
            return
        first: dict[str, Any] = listing[0]
        self.config = self._json.get(first["Config"], b"")
        self.layers = tuple(map(_blob, first["Layers"]))
        history = json.loads(self.config or b"{}").get("history") or []
        words = [
            _word(str(each.get("created_by", "")))
            for each in history
            if not each.get("empty_layer")
        ]
        self.made_by = tuple(words)


class Blob(NamedTuple):
    """A filesystem layer as it lies in an archive; read it before the next one is asked for."""

    name: str
    """``sha256:…``, or as the archive names it."""
    size: int
    """Bytes as they lie there, packed or not."""
    tarball: IO[bytes]
    """Out of its compression."""


def blobs(stream: IO[bytes], documents: Documents) -> Iterator[Blob]:
    """Every layer, in no order; ``documents`` is filled on the way, and whole at the end."""
    with tarfile.open(fileobj=stream, mode="r|") as outer:
        for member in outer:
            if not member.isfile():
                continue
            opened = outer.extractfile(member)
            assert opened is not None
            blob = _Peeked(opened)
            head = blob.peek(262)
            if head[:1] in (b"{", b"[") and member.size <= _SMALL:
                documents.keep(member.name, blob.read())
            elif inner := _unpacked(blob, head):
                yield Blob(_blob(member.name), member.size, inner)
    documents.settle()


def items(stream: IO[bytes], wanted: Selection, documents: Documents) -> Iterator[Item]:
    """Every regular file of every layer; ``documents`` is filled on the way.

    Raises LayersError for a layer that cannot be read.
    """
    for blob in blobs(stream, documents):
        yield from _files(blob.tarball, blob.name, wanted)


def unpacked(stream: IO[bytes]) -> IO[bytes]:
    """A layer's tarball out of its compression.  Raises LayersError for what is none."""
    blob = _Peeked(stream)
    found = _unpacked(blob, blob.peek(262))
    if found is None:
        raise LayersError("a filesystem layer is no tarball, packed by gzip or zstd or plain")
    return found


class Selection:
    """Which files' content to read."""

    def __call__(self, path: str, size: int) -> bool:
        """Whether to read a file of this path and size, in bytes."""
        raise NotImplementedError


class _Peeked(io.RawIOBase):
    """A stream whose beginning can be looked at first."""

    def __init__(self, below: IO[bytes]) -> None:
        self._below = below
        self._head = b""

    def peek(self, size: int) -> bytes:
        while len(self._head) < size:
            more = self._below.read(size - len(self._head))
            if not more:
                break
            self._head += more
        return self._head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        if self._head:
            piece, self._head = self._head[: len(view)], self._head[len(view) :]
        else:
            piece = self._below.read(len(view))
        view[: len(piece)] = piece
        return len(piece)


def _unpacked(blob: _Peeked, head: bytes) -> IO[bytes] | None:
    """A layer's archive out of its compression; None for a blob that is none."""
    if head[:2] == b"\x1f\x8b":
        return cast(IO[bytes], gzip.GzipFile(fileobj=io.BufferedReader(blob)))
    if head[:4] == _ZSTD:
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(
            cast(IO[bytes], blob), read_across_frames=True
        )
        return cast(IO[bytes], reader)
    if head[257:262] == b"ustar" or not head.strip(b"\0"):
        return cast(IO[bytes], io.BufferedReader(blob))
    return None


def _files(stream: IO[bytes], blob: str, wanted: Selection) -> Iterator[Item]:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as inner:
            for member in inner:
                if member.isfile():
                    path = member.name.removeprefix("./").lstrip("/")
                    content = b""
                    if wanted(path, member.size):
                        opened = inner.extractfile(member)
                        content = opened.read() if opened is not None else b""
                    yield Item(blob, path, member.size, content)
    except tarfile.ReadError as error:
        if "empty" not in str(error):
            raise LayersError(f"layer {blob} cannot be read: {error}") from None


def _blob(name: str) -> str:
    """``blobs/sha256/<hex>`` as a digest."""
    parts = name.split("/")
    return f"{parts[1]}:{parts[2]}" if parts[:1] == ["blobs"] and len(parts) == 3 else name


def _word(created_by: str) -> str:
    """What made a layer, without its arguments, which may hold what nobody should see."""
    for word in created_by.replace("|", " ").split():
        if word in ("RUN", "COPY", "ADD", "WORKDIR"):
            return word
    return "RUN" if "/bin/sh" in created_by else "a base"
