"""Records: what a filesystem layer does to a tree, without the contents of files.

Upon whatever tree, a record does what the layer's tarball does: it has the same members in the same
order, marks and hard links among them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from hashes.errors import LayersError
from layers.assemble.trees.tree import clean

VERSION = 1
LARGEST = 1 << 30
"""Bytes of an unpacked record; a larger one is neither made nor read."""
LEVEL = 9
"""Of zstd: a record is written once, beside reading its layer."""
KINDS = ("dir", "file", "link", "other", "hard")
_ROWS = 1000
"""Members to a line."""


class BadRecord(LayersError):
    """A text that is not a record, or not that of the layer which was asked for."""


class Look(NamedTuple):
    """What most members have in common with others."""

    kind: str
    """One of `KINDS`; ``hard`` is a hard link, which has nothing else."""
    mode: int = 0
    """Permission bits with setuid, setgid and sticky."""
    uid: int = 0
    gid: int = 0
    mtime: int = 0
    """Of a folder, in seconds since the epoch; else 0."""


class Member(NamedTuple):
    """One member of a layer's tarball, as far as a tree needs it."""

    name: str
    """A clean path."""
    look: Look
    link: str = ""
    """Where a symbolic link leads, as it is written; of a hard link a clean path."""
    text: str | None = None
    """A file's content where it is to be kept."""


class Recorder:
    """Writes a record while a layer is read; held are its compressed bytes."""

    def __init__(self, layer: str) -> None:
        """``layer``: the digest of what it is a record of."""
        import zstandard

        self._packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
        self._packed: list[bytes] = []
        self._rows: list[list[object]] = []
        self._looks: dict[Look, int] = {}
        self._size = self._count = 0
        self._write({"version": VERSION, "layer": layer})

    def watch(self, members: Iterator[Member]) -> Iterator[Member]:
        """The same members, noted."""
        for each in members:
            self._add(each)
            yield each

    def to_bytes(self) -> bytes | None:
        """The record of a layer that was read to its end, zstd; None: it would be too large.

        To be called once.  The same bytes for the same members.
        """
        self._flush()
        self._write(self._count)
        if self._size > LARGEST:
            return None
        self._packed.append(self._packer.flush())
        return b"".join(self._packed)

    def _add(self, member: Member) -> None:
        self._count += 1
        if self._size > LARGEST:
            return
        known = self._looks.get(member.look)
        if known is None:
            self._looks[member.look] = len(self._looks)
        row: list[object] = [member.name, list(member.look) if known is None else known]
        if member.link or member.text is not None:
            row.append(member.link)
        if member.text is not None:
            row.append(member.text)
        self._rows.append(row)
        if len(self._rows) == _ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._write(self._rows)
            self._rows = []

    def _write(self, value: object) -> None:
        line = json.dumps(value, separators=(",", ":")).encode() + b"\n"
        self._size += len(line)
        if self._size <= LARGEST:
            self._packed.append(self._packer.compress(line))


def members(data: bytes, layer: str) -> list[Member]:
    """What the record of a layer has.  Raises BadRecord for anything else, and for half of one."""
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as stream:
            return _read(io.BufferedReader(stream, 1 << 16), layer)
    except (zstandard.ZstdError, ValueError, TypeError, KeyError, IndexError) as error:
        raise BadRecord(f"not a record: {error!r}") from None


def _read(stream: io.BufferedReader, layer: str) -> list[Member]:
    room = LARGEST

    def line() -> Any:
        nonlocal room
        text = stream.readline(room + 1)
        room -= len(text)
        if room < 0:
            raise ValueError("too large")
        return json.loads(text)

    head = line()
    if head["version"] != VERSION or head["layer"] != layer:
        raise BadRecord(f"record {head['version']} of {head['layer']}, not of {layer}")
    looks: list[Look] = []
    found: list[Member] = []
    while not isinstance(rows := line(), int):
        found += [_member(looks, *row) for row in rows]
    if rows != len(found) or stream.read(1):  # at the end the sum is looked at
        raise ValueError(f"{len(found)} members, {rows} were written")
    return found


def _member(looks: list[Look], name: str, look: Any, link: str = "", *text: str) -> Member:
    if isinstance(look, list):
        kind, *numbers = look
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind")
        looks.append(Look(kind, *map(int, numbers)))
        look = -1
    elif look < 0:
        raise ValueError(f"{look} is no look")
    if clean(name) != name or not all(isinstance(each, str) for each in (link, *text)):
        raise ValueError(f"{name!r} is no member")
    return Member(name, looks[look], link, *text)
