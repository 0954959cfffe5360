"""Tarballs: filesystem layers read part by part into a listing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from hashes.errors import LayersError
from layers.assemble.listing import KEPT, LARGEST_KEPT, Entry, Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.trees.record import Look, Member
from layers.assemble.trees.tree import clean
from layers.assemble.trees.unpacking import Unpacking
from layers.runtime.parts import as_file

_REST = 1 << 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.FIFOTYPE: "other",
    tarfile.CHRTYPE: "other",
    tarfile.BLKTYPE: "other",
}


class BadTarball(LayersError):
    """A filesystem layer that cannot be read."""


def apply(listing: Listing, parts: Iterator[bytes], number: int = -1) -> None:
    """Put one filesystem layer (gzip, zstd or plain) upon a listing; ``number``: see `Entry.layer`.

    What is held at once is the listing, the layer's own paths and some kilobytes of the tarball.
    Raises BadTarball; the listing is of no use then.
    """
    put(listing, reduced(parts), number)


def put(listing: Listing, members: Iterable[Member], number: int = -1) -> None:
    """The same of a layer of which the members are known, from its tarball or from a record."""
    layer = _Layer(listing, number)
    try:
        for each in members:
            layer.add(each)
        listing.doubt(layer.unpacking.doubts)
    except Blocked as error:
        raise BadTarball(f"a filesystem layer that no engine unpacks: {error}") from error


def reduced(parts: Iterator[bytes]) -> Iterator[Member]:
    """The members of a layer's tarball (gzip, zstd or plain).  Raises BadTarball."""
    with faults():
        for member, archive in members(parts):
            yield _reduced(member, archive)


def members(parts: Iterator[bytes]) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """The entries of a filesystem layer one by one, to be read before the next, in `faults`."""
    stream = _plain(parts)
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # else it keeps every one
            yield member, archive
    while stream.read(_REST):  # sums stand at the end, and so does whoever checks a digest
        pass


@contextmanager
def faults() -> Iterator[None]:
    """Raises BadTarball for all that can go wrong while a filesystem layer is read."""
    import zlib

    import zstandard

    try:
        yield
    except (tarfile.TarError, zlib.error, zstandard.ZstdError, EOFError, OSError) as error:
        raise BadTarball(f"not a filesystem layer: {error}") from error


class _Layer:
    def __init__(self, listing: Listing, number: int) -> None:
        self.listing = listing
        self.number = number
        self.unpacking = Unpacking(listing, Entry("dir", 0o755, 0, 0))

    def add(self, member: Member) -> None:
        name, text = member.name, member.text
        if self.unpacking.marked(name):
            return
        path = self.unpacking.place(name)
        if member.look.kind == "hard":
            linked = self.unpacking.linked(name, member.link)
            there, text = self.listing.get(linked), self.listing.text(linked)
            assert there is not None
            told = linked == member.link and there.layer == self.number
            entry = there._replace(layer=self.number if told and path == name else -1)
        else:
            entry = Entry(*member.look, member.link)
            if entry.kind != "dir" and path == name:
                entry = entry._replace(layer=self.number)
        self.listing.put(path, entry, text)


def _reduced(member: tarfile.TarInfo, archive: tarfile.TarFile) -> Member:
    name = clean(member.name)
    if member.islnk():
        return Member(name, Look("hard"), clean(member.linkname))
    kind = _KINDS.get(member.type, "file")
    mtime = int(member.mtime) if kind == "dir" else 0
    mode = 0o777 if kind == "link" else member.mode & 0o7777
    look = Look(kind, mode, member.uid, member.gid, mtime)
    return Member(name, look, member.linkname if kind == "link" else "", _kept(member, archive))


def _kept(member: tarfile.TarInfo, archive: tarfile.TarFile) -> str | None:
    base = clean(member.name).rpartition("/")[2]
    if base not in KEPT or not member.isreg() or member.size > LARGEST_KEPT:
        return None
    content = archive.extractfile(member)
    return content.read().decode("utf-8", "surrogateescape") if content else None


def _plain(parts: Iterator[bytes]) -> io.BufferedIOBase:
    stream = as_file(parts, 1 << 16)
    head = stream.peek(4)[:4]
    if head[:2] == _GZIP:
        import gzip

        return gzip.GzipFile(fileobj=stream)
    if head == _ZSTD:
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        return io.BufferedReader(reader)
    return stream
