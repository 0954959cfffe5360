"""Tarballs: filesystem layers read part by part into a listing.

Applied as an engine does it (containerd, archive/tar.go): in the order of the tarball, links of
parents followed; ``.wh.NAME`` takes a name away, ``.wh..wh..opq`` all that lower layers put into a
folder.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

from hashes.errors import LayersError
from layers.assemble.listing import KEPT, LARGEST_KEPT, Entry, Listing, clean
from layers.assemble.obstacle import Blocked
from layers.runtime.parts import as_file

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_MARKS = ".wh..wh."
"""Names of storage drivers' own begin so; nobody unpacks them."""
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


def apply(listing: Listing, parts: Iterator[bytes]) -> None:
    """Put one filesystem layer (gzip, zstd or plain) upon a listing.

    What is held at once is the listing, the layer's own paths and some kilobytes of the tarball.
    Raises BadTarball; the listing is of no use then.
    """
    import zlib

    import zstandard

    layer = _Layer(listing)
    try:
        stream = _plain(parts)
        with tarfile.open(fileobj=stream, mode="r|", errorlevel=2) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # else it keeps every one
                layer.add(member, archive)
        while stream.read(_REST):  # sums stand at the end, and so does whoever checks a digest
            pass
    except (tarfile.TarError, zlib.error, zstandard.ZstdError, EOFError, OSError) as error:
        raise BadTarball(f"not a filesystem layer: {error}") from error
    except Blocked as error:
        raise BadTarball(f"a filesystem layer that no engine unpacks: {error}") from error


class _Layer:
    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.added: set[str] = set()

    def add(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> None:
        name = clean(member.name)
        folder, _, base = name.rpartition("/")
        if base == OPAQUE:
            self.emptied(self.listing.resolve(folder))
        elif base.startswith(WHITEOUT) and not base.startswith(_MARKS):
            self.listing.remove(self.place(folder, base.removeprefix(WHITEOUT)))
        elif name and not base.startswith(_MARKS):
            self.put(member, name, archive)

    def put(self, member: tarfile.TarInfo, name: str, archive: tarfile.TarFile) -> None:
        folder, _, base = name.rpartition("/")
        self.parents(self.listing.resolve(folder))
        path = self.place(folder, base)
        if member.islnk():
            target, _, last = clean(member.linkname).rpartition("/")
            linked = self.place(target, last)
            entry, text = self.listing.get(linked), self.listing.text(linked)
            if entry is None or entry.kind == "dir":
                raise Blocked(f"/{name} is linked to /{linked}, where no file is")
        else:
            entry, text = self.entry(member), self.kept(member, base, archive)
        self.listing.put(path, entry, text)
        self.added.add(path)

    def place(self, folder: str, base: str) -> str:
        return "/".join(filter(None, (self.listing.resolve(folder), base)))

    def entry(self, member: tarfile.TarInfo) -> Entry:
        kind = _KINDS.get(member.type, "file")
        mtime = int(member.mtime) if kind == "dir" else 0
        link = member.linkname if kind == "link" else ""
        mode = 0o777 if kind == "link" else member.mode & 0o7777
        return Entry(kind, mode, member.uid, member.gid, mtime, link)

    def kept(self, member: tarfile.TarInfo, base: str, archive: tarfile.TarFile) -> str | None:
        if base not in KEPT or not member.isreg() or member.size > LARGEST_KEPT:
            return None
        content = archive.extractfile(member)
        return content.read().decode("utf-8", "surrogateescape") if content else None

    def parents(self, folder: str) -> None:
        """Make folders that the tarball itself does not name."""
        at = ""
        for part in filter(None, folder.split("/")):
            at = f"{at}/{part}" if at else part
            entry = self.listing.get(at)
            if entry is None:
                self.listing.put(at, Entry("dir", 0o755, 0, 0))
                self.added.add(at)
            elif entry.kind != "dir":
                raise Blocked(f"/{at} is not a folder")

    def emptied(self, folder: str) -> None:
        """Take away what this layer did not put there, at any depth."""
        for name in self.listing.names(folder):
            path = f"{folder}/{name}" if folder else name
            if path not in self.added:
                self.listing.remove(path)
            else:
                self.emptied(path)


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
