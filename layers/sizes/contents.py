"""Contents: what one filesystem layer holds, without the bytes of its files."""

from __future__ import annotations

import gzip
import tarfile
from typing import IO, NamedTuple

import xxhash

from hashes.errors import LayersError
from layers.assemble.trees.tree import clean
from layers.sizes.metadata import LARGEST, reduced, worth_keeping

SAME_FROM = 64 << 10
"""Bytes from which on files are compared by what is in them."""
_PART = 1 << 20
_KINDS = {
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "link",
    tarfile.LNKTYPE: "hard",
    tarfile.FIFOTYPE: "other",
    tarfile.CHRTYPE: "other",
    tarfile.BLKTYPE: "other",
}


class Member(NamedTuple):
    """One entry of a layer's tarball, in the order of the tarball."""

    name: str
    """Clean; a whiteout is an entry like any other here."""
    kind: str
    """``dir``, ``file``, ``link``, ``hard`` (a hard link) or ``other``."""
    size: int = 0
    link: str = ""
    """Of both kinds of links, as written."""
    digest: bytes = b""
    """XXH3-128 of a file of `SAME_FROM` bytes or more."""
    text: str = ""
    """What a package manager wrote into it, see `layers.sizes.metadata`."""


def contents(tarball: IO[bytes], name: str) -> tuple[Member, ...]:
    """Read a layer, and the stream behind it, to its end; a few hundred bytes stay of each entry.

    ``name`` is for the error: LayersError for what cannot be read.
    """
    import zlib

    import zstandard

    found = []
    try:
        with tarfile.open(fileobj=tarball, mode="r|", bufsize=_PART) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # else it keeps every one
                found.append(_member(member, archive))
        while tarball.read(_PART):  # whoever checks a digest does so at the end
            pass
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        raise LayersError(f"layer {name} cannot be read: {error}") from error
    return tuple(found)


def _member(member: tarfile.TarInfo, archive: tarfile.TarFile) -> Member:
    path = clean(member.name)
    kind = _KINDS.get(member.type, "file")
    if kind != "file":
        return Member(path, kind, 0, member.linkname)
    digest, text = b"", ""
    if worth_keeping(path) and member.size <= LARGEST:
        content = archive.extractfile(member)
        text = reduced(path, content.read()) if content is not None else ""
    elif member.size >= SAME_FROM:
        content = archive.extractfile(member)
        state = xxhash.xxh3_128()
        while content is not None and (part := content.read(_PART)):
            state.update(part)
        digest = state.digest()
    return Member(path, kind, member.size, "", digest, text)
