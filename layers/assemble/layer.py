"""Layers: the tarball of one step, as a registry takes it.

Written as BuildKit does (containerd, archive/tar.go): folders before what is in them, by name;
PAX, numbers for owners, times in whole seconds, folders on the way with all that they are.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import IO, NamedTuple

from hashes.context.input import walk_order
from layers.assemble.copying import Written
from layers.assemble.listing import Listing
from layers.assemble.sources import Moved
from layers.oci.compression import USUAL, Compression
from layers.oci.digest import Digest

_TAR = "application/vnd.oci.image.layer.v1.tar"
MEDIA_TYPES = {"zstd": f"{_TAR}+zstd", "gzip": f"{_TAR}+gzip", "uncompressed": _TAR}
"""Of each kind of compression (image-spec, layer.md)."""
_LEVELS = {"zstd": 3, "gzip": 6}
"""What BuildKit uses by default."""
IN_MEMORY = 8 << 20
"""Bytes from which on a layer lies in a temporary file."""
PART = 1 << 20
_READING = Lock()
"""A file has one position."""
CAPABILITY = "SCHILY.xattr.security.capability"
"""Of a tarball's header (containerd, archive/tar.go)."""
_TYPES = {
    "dir": tarfile.DIRTYPE,
    "file": tarfile.REGTYPE,
    "link": tarfile.SYMTYPE,
    "other": tarfile.FIFOTYPE,
}


class NewLayer(NamedTuple):
    """A filesystem layer that was made here."""

    digest: Digest
    size: int
    diff_id: Digest
    """Of the tarball before it was compressed."""
    file: IO[bytes]
    media_type: str = MEDIA_TYPES["zstd"]

    def parts(self) -> Iterator[bytes]:
        """The bytes that the digest is of, from the start; several may read side by side."""
        at = 0
        while part := self._read(at):
            at += len(part)
            yield part

    def _read(self, at: int) -> bytes:
        with _READING:
            self.file.seek(at)
            return self.file.read(PART)

    def descriptor(self) -> dict[str, object]:
        """What a manifest says of it."""
        return {"mediaType": self.media_type, "digest": self.digest.text, "size": self.size}


def write(
    listing: Listing, written: Mapping[str, Written], compression: Compression = USUAL
) -> NewLayer:
    """The layer of a step; ``listing`` is as it was left.  The same bytes for the same values.

    Raises Moved where a file is not what was hashed.
    """
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - its reader closes it
    try:
        packed = _Digesting(file)
        with _packing(packed, compression) as stream:
            plain = _Digesting(stream)
            _tar(listing, written, plain)
    except BaseException:
        file.close()
        raise
    kind = MEDIA_TYPES[compression.kind]
    return NewLayer(packed.digest(), packed.size, plain.digest(), file, kind)


@contextmanager
def _packing(packed: _Digesting, compression: Compression) -> Iterator[object]:
    """What is to be written to, so that it arrives packed."""
    kind, level = compression
    level = _LEVELS.get(kind, 0) if level is None else level
    if kind == "zstd":
        import zstandard

        with zstandard.ZstdCompressor(level=level).stream_writer(packed, closefd=False) as zstd:  # type: ignore[arg-type]  # write() is all it calls
            yield zstd
    elif kind == "gzip":
        import gzip

        with gzip.GzipFile("", "wb", level, packed, 0) as stream:
            yield stream
    else:
        yield packed


class _Digesting:
    """Passes bytes on and digests them on the way."""

    def __init__(self, file: object) -> None:
        self._write = file.write  # type: ignore[attr-defined]  # a file, or zstandard's writer
        self._state = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._write(data)
        self._state.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back here."""

    def digest(self) -> Digest:
        return Digest(f"sha256:{self._state.hexdigest()}")


def _tar(listing: Listing, written: Mapping[str, Written], out: _Digesting) -> None:
    first: dict[tuple[int, ...], str] = {}
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]  # write() is all it calls
        for path in _with_parents(written):
            one = written.get(path)
            entry = one.entry if one is not None else listing.get(path)
            assert entry is not None, f"{path} is in no folder"
            header = tarfile.TarInfo(path)
            header.type = _TYPES[entry.kind]
            header.mode, header.uid, header.gid = entry.mode, entry.uid, entry.gid
            header.mtime = one.mtime if one is not None else entry.mtime
            header.linkname = entry.link
            item = one.item if one is not None else None
            source = first.setdefault(one.group, path) if one is not None and one.group else path
            if source != path:
                header.type, header.linkname = tarfile.LNKTYPE, source
                archive.addfile(header)
            elif item is not None and item.kind == "file":
                header.size = item.size
                if item.capability:
                    header.pax_headers = {CAPABILITY: item.capability}
                with _reader(item.read(), item.size, path) as content:
                    archive.addfile(header, content)
            else:
                archive.addfile(header)
            archive.members.clear()  # it keeps every header that was written


def _with_parents(written: Iterable[str]) -> Iterator[str]:
    """All paths of a layer and the folders that lead to them, in the order of a walk."""
    inside: dict[str, list[str]] = {}
    for path in written:
        at, folder = path, path.rpartition("/")[0]
        while folder not in inside and folder:
            inside[folder] = [at]
            at, folder = folder, folder.rpartition("/")[0]
        inside.setdefault(folder, []).append(at)
    yield from _walk(inside, "")


def _walk(inside: Mapping[str, list[str]], folder: str) -> Iterator[str]:
    for path in sorted(set(inside.get(folder, ())), key=walk_order):
        yield path
        yield from _walk(inside, path)


class _Reader:
    """Parts as a file that is read once; what comes must be as many bytes as were said."""

    def __init__(self, parts: Iterator[bytes], size: int, path: str) -> None:
        self._parts, self._rest, self._path = parts, b"", path
        self._left = size

    def read(self, count: int) -> bytes:
        while len(self._rest) < count:
            part = next(self._parts, None)
            if part is None:
                break
            self._rest += part
        found, self._rest = self._rest[:count], self._rest[count:]
        self._left -= len(found)
        return found

    def finish(self) -> None:
        """Read to the end, where a source says whether all of it was right."""
        rest = len(self._rest) + sum(map(len, self._parts))
        if self._left or rest:
            raise Moved("changed while the image was assembled", file=self._path, hint="run again")


@contextmanager
def _reader(parts: Iterator[bytes], size: int, path: str) -> Iterator[_Reader]:
    reader = _Reader(parts, size, path)
    yield reader
    reader.finish()
