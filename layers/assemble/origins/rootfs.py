"""Root file systems: what is in a stage or image, and what a source of a COPY names in it.

The rules are those of BuildKit: a name is cleaned by its text, links are followed inside of the
root (continuity/fs, RootPath), a pattern is matched below what its first parts lead to, by Go's
filepath.Walk, which follows no link; what it matches is followed (tonistiigi/fsutil, copy.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from hashes.context.gopath import BadPattern, glob, has_wildcard, inside
from hashes.context.input import walk_order
from hashes.nothing import NOTHING
from layers.assemble.copying import Written
from layers.assemble.listing import Entry, Listing
from layers.assemble.obstacle import Blocked, through
from layers.assemble.origins.taken import Store, Taken, take
from layers.assemble.sources import Item, Match, without_some


class Packed(NamedTuple):
    """Filesystem layers, from below, that can be read."""

    sizes: tuple[int, ...] = ()
    """Bytes of each as it is sent."""
    digests: tuple[str, ...] = ()
    read: Callable[[int], Iterator[bytes]] = lambda _number: iter(())


class Rootfs(NamedTuple):
    """What is in a stage or image."""

    name: str
    """As the Dockerfile calls it."""
    listing: Listing
    packed: Packed
    store: Store
    written: Mapping[str, Written] = NOTHING
    """What was put upon the layers, and is in none of them."""

    def bring(self, sources: Sequence[str], exclude: tuple[str, ...] = ()) -> list[Match]:
        """What the sources of a COPY name, in their order.

        Raises Blocked for what is not known well enough, or not there, and BadTarball.
        """
        self._surely()
        places = [place for source in sources for place in self._places(source)]
        paths = [path for _, top in places for path, _ in self._below(top)]
        taken = self._taken(paths)
        for source in sources:
            if has_wildcard(inside(source)):
                self._follow(source)
        made = [Match(name, tuple(self._items(top, taken))) for name, top in places]
        return [without_some(each, exclude) for each in made] if exclude else made

    def _places(self, source: str) -> Iterator[tuple[str, str]]:
        """What each match is called, and where it is once links are followed."""
        path = inside(source)
        for each in self._matching(path, source) if has_wildcard(path) else [path]:
            top = self.listing.resolve(each)
            if self.listing.get(top) is None:
                reached = f" (it leads to /{top})" if top != each else ""
                raise Blocked(f"/{each} is not in {self.name}{reached}")
            yield each.rpartition("/")[2], top

    def _follow(self, source: str) -> None:
        """Raises Blocked where BuildKit refuses a pattern: it follows all links that it finds."""
        for _, top in self._places(source):
            for path, entry in self._below(top):
                if entry.kind == "link" and self.listing.get(self.listing.resolve(path)) is None:
                    raise Blocked(
                        f"the pattern {source} meets the link /{path}, which leads nowhere"
                    )

    def _matching(self, path: str, source: str) -> list[str]:
        if "\\" in path:
            raise Blocked(f"it has a pattern with a backslash: {source}")
        parts = path.split("/")
        first = next(i for i, part in enumerate(parts) if has_wildcard(part))
        base = self.listing.resolve("/".join(parts[:first]))
        if getattr(self.listing.get(base), "kind", "") != "dir":
            raise Blocked(f"/{base}, where {source} is to be looked for, is no folder")
        try:
            wanted = glob("/".join(parts[first:]))
        except BadPattern as error:
            raise Blocked(f"{source!r}: syntax error in pattern") from error
        deepest = len(parts) - first + path.count("[")  # a class may match a slash
        found: list[str] = []
        todo = [("", 1)]
        while todo:
            at, depth = todo.pop()
            for name in self.listing.names(_join(base, at)):
                each = _join(at, name)
                entry = self.listing.get(_join(base, each))
                if wanted.match(each):
                    found.append(_join(base, each))
                elif depth < deepest and entry is not None and entry.kind == "dir":
                    todo.append((each, depth + 1))
        return sorted(found, key=walk_order)

    def _below(self, top: str) -> list[tuple[str, Entry]]:
        """A path and all below it, folders before what is in them."""
        entry = self.listing.get(top)
        assert entry is not None
        found = [(top, entry)]
        for path, each in found:
            if each.kind == "dir":
                for name in self.listing.names(path):
                    below = self.listing.get(_join(path, name))
                    assert below is not None
                    found.append((_join(path, name), below))
        return sorted(found, key=lambda each: walk_order(each[0]))

    def _surely(self) -> None:
        """Raises Blocked where engines may have other files, or a walk meets a name of nothing.

        BuildKit walks more than it copies: all of the folder in which a source is, or of the root
        (cache/contenthash, scanPath).
        """
        for path in sorted(self.listing.doubts.through)[:1]:
            raise Blocked(f"{self.name}: {through(path)}")
        for path in sorted(self.listing.doubts.vain):
            folder = path.rpartition("/")[0]
            there = self.listing.get(folder) is not None and self.listing.get(path) is None
            if there:
                raise Blocked(
                    f"a layer of {self.name} takes /{path} away, which no lower one has:"
                    " engines differ in what they see there"
                )

    def _taken(self, paths: Sequence[str]) -> dict[str, Taken]:
        """Of the paths those that layers have."""
        wanted: dict[int, set[str]] = {}
        for path in paths:
            entry = self.listing.get(path)
            assert entry is not None
            if entry.kind == "dir" or (entry.layer < 0 and path in self.written):
                continue
            if not 0 <= entry.layer < len(self.packed.sizes):
                raise Blocked(f"nobody knows which layer of {self.name} has /{path}")
            wanted.setdefault(entry.layer, set()).add(path)
        total = sum(self.packed.sizes[number] for number in wanted)
        self.store.spend(total, f"what is taken from {self.name}")
        found: dict[str, Taken] = {}
        for number, names in sorted(wanted.items()):
            taken = take(lambda number=number: self.packed.read(number), names, self.store)  # type: ignore[misc]  # a default of a lambda
            found |= taken
        return found

    def _items(self, top: str, taken: Mapping[str, Taken]) -> Iterator[Item]:
        for path, entry in self._below(top):
            name = path[len(top) :].lstrip("/")
            one, own = taken.get(path), self.written.get(path)
            if entry.kind == "dir":
                yield Item(name, "dir", entry.mode, entry.mtime, uid=entry.uid, gid=entry.gid)
            elif one is not None:
                yield self._item(name, path, entry, one)
            else:
                assert own is not None, f"/{path} is nowhere"
                assert own.item is not None, f"/{path} is a folder"
                yield own.item._replace(
                    path=name,
                    mode=entry.mode,
                    inode=own.group or None,
                    uid=entry.uid,
                    gid=entry.gid,
                )

    def _item(self, name: str, place: str, entry: Entry, one: Taken) -> Item:
        if one.look != (entry.mode, entry.uid, entry.gid):
            raise Blocked(f"{self.name}: its listing does not agree with its layers")
        return Item(
            name,
            entry.kind,
            entry.mode,
            one.mtime,
            one.size,
            entry.link,
            one.identity,
            (one.serial,) if one.linked and entry.kind == "file" else None,
            lambda: self.store.read(one),
            entry.uid,
            entry.gid,
            one.capability,
            self.packed.digests[entry.layer],
            place,
        )


def _join(head: str, tail: str) -> str:
    return f"{head}/{tail}" if head and tail else head or tail
