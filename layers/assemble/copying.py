"""Copying: what a COPY, a plain ADD or a WORKDIR does to an image's files.

The rules are those of BuildKit (solver/llbsolver/file/backend.go) and of the copier that it uses
(tonistiigi/fsutil, copy/copy.go).  Where its versions differ, or where it would fail, nothing is
done: Blocked says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable
from typing import NamedTuple

from layers.assemble.listing import Entry, Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.sources import Item, Match
from layers.assemble.trees.tree import clean
from layers.assemble.users import NOBODY_SAID, Owner

FOLDER_MODE = 0o755
SETGID = 0o2000


class Written(NamedTuple):
    """One path that a step wrote."""

    entry: Entry
    mtime: int
    item: Item | None = None
    """What it was copied from; None for a folder that nothing was copied to."""
    group: tuple[int, ...] = ()
    """Files of one group are one file with several names; () for a file of its own."""


def unchanged(before: Written | None, after: Written) -> bool:
    """Whether a step left a path as an earlier one wrote it: BuildKit then records no change.

    util/overlay, sameDirent: mode, owner, time and content; of a folder no time.
    """
    if before is None or before.entry[:4] != after.entry[:4]:
        return False
    if after.entry.kind == "dir":
        return True
    alike = before.entry.link == after.entry.link and before.mtime == after.mtime
    one, two = before.item, after.item
    if not alike or one is None or two is None:
        return False
    return (one.identity, one.capability) == (two.identity, two.capability)


class Look(NamedTuple):
    """What the flags of a COPY say of what it writes."""

    owner: Owner | None = None
    """None: that of what is copied, and root of folders on the way."""
    chmod: int | None = None
    stamp: int = 0
    """When folders count as made, in seconds since the epoch."""
    below: tuple[str, ...] = ()
    """The digests of the trunk's layers, where what is there as it was in them is no change."""


class Writer:
    """Writes what a step copies into a listing, and remembers it."""

    def __init__(
        self, listing: Listing, number: int = 0, earlier: Container[str] = frozenset()
    ) -> None:
        """``number``: of the step among those of an image; ``earlier`` ones wrote these paths."""
        self.listing = listing
        self.number = number
        self._earlier = earlier
        self._fresh: set[str] = set()
        """Paths of files with several names, where nothing was before the step."""
        self.written: dict[str, Written] = {}
        """By path; folders on the way to these are not in it unless the step made them."""
        self._calls = 0

    def make(self, path: str, look: Look) -> None:
        """Make a folder with all that lead to it, as WORKDIR does."""
        self._folders(self.listing.resolve(clean(path)), look)

    def copy(self, matches: Iterable[Match], destination: str, look: Look) -> None:
        """Copy to an absolute destination; a slash at its end makes it a folder."""
        for match in matches:
            self._calls += 1
            self._copy(match, destination, look)

    def link(self, matches: Iterable[Match], destination: str, look: Look) -> None:
        """Copy as ``--link`` does, where all engines take that for the same.

        Where an engine keeps images as registries do, files are copied onto nothing and that is
        put upon the image: links on the way become folders, and folders there get another look.
        With the classic store it is a COPY like any other (docker 26.1.5 and 28.5.2).
        """
        found = tuple(matches)
        self.copy(found, destination, look)
        alone = Writer(Listing())
        alone.copy(found, destination, look)
        for path in sorted({*self.written, *alone.written}):
            here = self._get(path)
            one = alone.written.get(path)
            if one is None or here is None or here._replace(mtime=one.entry.mtime) != one.entry:
                raise Blocked(f"engines differ in what --link makes of /{path}")

    def _copy(self, match: Match, destination: str, look: Look) -> None:
        listing = self.listing
        path = clean(destination)
        ensured = path if destination.endswith("/") else path.rpartition("/")[0]
        self._folders(listing.resolve(ensured), look)
        place = listing.resolve(path)
        there = self._get(place)
        if match.top.kind != "dir" and there is not None and there.kind == "dir":
            place = f"{place}/{match.name}" if place else match.name
        target = place if match.top.kind == "dir" and there is None else place.rpartition("/")[0]
        self._folders(target, look)
        names = Counter(item.inode for item in match.items if item.inode)
        for item in match.items:
            several = item.inode is not None and names[item.inode] > 1
            group = (self.number, self._calls, *(item.inode or ())) if several else ()
            if item.path:
                self._write(f"{place}/{item.path}" if place else item.path, item, look, group)
            elif item.kind != "dir":
                self._write(place, item, look, group)
            elif getattr(self._get(place), "kind", "") != "dir":
                raise Blocked(f"a folder is copied onto /{place}, which is none")

    def _get(self, path: str) -> Entry | None:
        return self.listing.get(path)

    def _folders(self, path: str, look: Look) -> None:
        """Make a folder and those above it, where they are missing; links are followed already."""
        at, above = "", self._get("")
        for part in filter(None, path.split("/")):
            at = f"{at}/{part}" if at else part
            entry = self._get(at)
            if entry is None:
                if above is not None and above.mode & SETGID:
                    raise Blocked(f"/{at} is made in a folder that is setgid")
                if look.chmod not in (None, FOLDER_MODE):
                    raise Blocked(f"versions of BuildKit give /{at} different modes under --chmod")
                entry = Entry("dir", FOLDER_MODE, *(look.owner or NOBODY_SAID), look.stamp)
                self._put(at, Written(entry, look.stamp))
            elif entry.kind != "dir":
                raise Blocked(f"/{at} is not a folder")
            above = entry

    def _write(self, path: str, item: Item, look: Look, group: tuple[int, ...]) -> None:
        there = self._get(path)
        if item.kind == "dir":
            if there is not None and there.kind != "dir":
                raise Blocked(f"a folder is copied onto /{path}, which is none")
        elif there is not None and there.kind == "dir":
            raise Blocked(f"a file is copied onto /{path}, which is a folder")
        mode = item.mode if look.chmod is None or item.kind == "link" else look.chmod
        mtime = item.mtime if item.kind == "dir" else 0
        who = look.owner or Owner(item.uid, item.gid)
        entry = self.listing.shared(Entry(item.kind, mode, *who, mtime, item.link))
        if item.kind == "dir" and there is not None and there._replace(mtime=mtime) == entry:
            return self.listing.put(path, entry)  # as it was: BuildKit records no change
        if there is not None and there._replace(layer=-1) == entry:
            below = look.below[there.layer : there.layer + 1]
            if item.place == path and item.layer in below:
                return None  # the very file that is there
            ours = path in self._earlier or path in self._fresh
            if not ours and (group or path in self.listing.doubts.linked):
                # As it was, BuildKit leaves it out of the layer: what it is linked to there it
                # stays linked to, and of what is copied other names are files of their own.
                # Whether it is as it was, a listing does not tell.
                which = "what is copied onto it" if group else "it"
                raise Blocked(f"/{path} is there, and {which} has several names")
        if group and there is None:
            self._fresh.add(path)
        self._put(path, Written(entry, item.mtime, item, group))
        return None

    def _put(self, path: str, written: Written) -> None:
        self.listing.put(path, written.entry)
        self.written[path] = written
