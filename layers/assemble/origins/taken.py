"""Taking: files of one filesystem layer, kept until they are copied."""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Set
from typing import NamedTuple

from layers.assemble.layer import CAPABILITY, IN_MEMORY, PART
from layers.assemble.obstacle import MOST_READ, Blocked
from layers.assemble.tarballs import faults, members
from layers.assemble.trees.tree import clean
from layers.assemble.trees.unpacking import WHITEOUT

MOST_KEPT = 1 << 30
"""Bytes of files that are kept for one image."""


class Taken(NamedTuple):
    """A file, link or FIFO as a tarball has it."""

    look: tuple[int, int, int]
    """Mode, user and group."""
    mtime: int
    size: int
    at: int
    """Where its content begins in the store."""
    identity: str
    capability: str
    serial: int
    """Another for each that was taken."""
    linked: bool = False
    """Whether it has several names in its layer."""


class Store:
    """A temporary file for what was taken, and what reading may cost."""

    def __init__(self, most_read: int = MOST_READ, most_kept: int = MOST_KEPT) -> None:
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - `close` is called
        self._end = self._count = self._read = 0
        self._most_read, self._most_kept = most_read, most_kept

    def close(self) -> None:
        """Let go of all that was taken."""
        self._file.close()

    def spend(self, size: int, what: str) -> None:
        """Note that bytes are to be read; raises Blocked where these are too many."""
        self._read += size
        if self._read > self._most_read:
            raise Blocked(
                f"{what} would have to be read, {self._read >> 20} MiB of layers for this image,"
                f" and no more than {self._most_read >> 20} MiB are"
            )

    def keep(self, member: tarfile.TarInfo, archive: tarfile.TarFile) -> Taken:
        """Take a member of a tarball.  Raises Blocked where it is too much, or a device."""
        if not (member.isreg() or member.issym() or member.isfifo()):
            raise Blocked(f"/{clean(member.name)} is a device")
        self._count += 1
        at, state = self._end, hashlib.sha256()
        content = archive.extractfile(member) if member.isreg() else None
        self._file.seek(at)
        while content is not None and (part := content.read(PART)):
            self._end += len(part)
            if self._end > self._most_kept:
                raise Blocked(f"its files have more than {self._most_kept >> 20} MiB")
            state.update(part)
            self._file.write(part)
        look, able = _look(member), member.pax_headers.get(CAPABILITY, "")
        size = self._end - at
        return Taken(look, int(member.mtime), size, at, state.hexdigest(), able, self._count)

    def read(self, taken: Taken) -> Iterator[bytes]:
        """The content of a file, part by part."""
        done = 0
        while done < taken.size:
            self._file.seek(taken.at + done)
            part = self._file.read(min(PART, taken.size - done))
            done += len(part)
            yield part


def take(parts: Callable[[], Iterator[bytes]], wanted: Set[str], store: Store) -> dict[str, Taken]:
    """What a filesystem layer has under these very names; hard links lead to the file.

    It is read again where a link leads to a name that is not wanted itself.  Raises BadTarball,
    and Blocked where it is not clear what a name is.
    """
    needed = set(wanted)
    while True:
        found, links = _read(parts(), needed, store)
        more = {links[name].first for name in wanted if name in links} - needed
        if not more:
            break
        needed |= more
    several: dict[str, set[tuple[object, ...]]] = {}
    for link in links.values():
        several.setdefault(link.first, set()).add(link[1:])
    made: dict[str, Taken] = {}
    for name in wanted:
        first = links[name].first if name in links else name
        one = found.get(first)
        if one is None:
            raise Blocked(f"/{name} is not where the listing says")
        if several.get(first, set()) - {(one.look, one.capability)}:
            # Engines give the file the look of its last link (containerd, archive/tar.go).
            raise Blocked(f"/{name} has hard links that look otherwise")
        made[name] = one._replace(linked=first in several)
    return made


class _Link(NamedTuple):
    """A hard link, with how its own header says that it looks."""

    first: str
    look: tuple[int, int, int]
    capability: str


def _look(member: tarfile.TarInfo) -> tuple[int, int, int]:
    return 0o777 if member.issym() else member.mode & 0o7777, member.uid, member.gid


def _read(
    parts: Iterator[bytes], needed: Set[str], store: Store
) -> tuple[dict[str, Taken], dict[str, _Link]]:
    """What is there of the names, and where all hard links lead."""
    found: dict[str, Taken] = {}
    links: dict[str, _Link] = {}
    with faults():
        for member, archive in members(parts):
            name = clean(member.name)
            if member.isdir() or name.rpartition("/")[2].startswith(WHITEOUT):
                continue
            if name in found or (name in needed and name in links):
                raise Blocked(f"/{name} is twice in one layer")
            if member.islnk():
                target = clean(member.linkname)
                first = links[target].first if target in links else target
                able = member.pax_headers.get(CAPABILITY, "")
                links[name] = _Link(first, _look(member), able)
            elif name in needed:
                found[name] = store.keep(member, archive)
    return found, links
