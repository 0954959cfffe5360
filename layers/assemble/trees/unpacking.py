"""Unpacking: one filesystem layer put upon a tree, as an engine does it.

Source: containerd, archive/tar.go.  In the order of its tarball, links of parents followed;
``.wh.NAME`` takes a name away, ``.wh..wh..opq`` all that lower layers put into a folder.
"""

from __future__ import annotations

from typing import Generic, NamedTuple

from layers.assemble.obstacle import Blocked
from layers.assemble.trees.tree import E, Tree, is_below

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"
_MARKS = ".wh..wh."
"""Names of storage drivers' own begin so; nobody unpacks them."""


class Doubts(NamedTuple):
    """Paths of which engines, or what looks at their files, make different things."""

    vain: frozenset[str] = frozenset()
    """Those that a layer takes away though no lower one has them: an overlay may show such a name
    in its folder, and nothing under it."""
    through: frozenset[str] = frozenset()
    """Links on which a later layer puts something: on an overlay, where containerd unpacks a layer
    into a folder of its own, a folder takes the link's place; elsewhere it is followed."""

    linked: frozenset[str] = frozenset()
    """Files that have several names, or had them: what is copied there as it was leaves these."""

    def also(self, other: Doubts) -> Doubts:
        """Those of both."""
        return Doubts(
            self.vain | other.vain, self.through | other.through, self.linked | other.linked
        )


class Unpacking(Generic[E]):
    """Tells where in a tree the entries of a layer belong, and takes away what its marks say."""

    def __init__(self, tree: Tree[E], folder: E) -> None:
        """``folder``: what a folder is that no layer names, but only what is in it."""
        self._tree = tree
        self._folder = folder
        self._added: set[str] = set()
        self._marks: set[str] = set()
        self._vain: set[str] = set()
        self._through: set[str] = set()
        self._linked: set[str] = set()

    @property
    def doubts(self) -> Doubts:
        """Those of this layer, as far as it was unpacked."""
        return Doubts(*map(frozenset, (self._vain, self._through, self._linked)))

    def marked(self, name: str) -> bool:
        """Whether a clean name is a mark, which is obeyed, or the root, and nothing to put.

        A mark's folder is made like any other's.  Raises Blocked for a mark of no name.
        """
        folder, _, base = name.rpartition("/")
        if base.startswith(WHITEOUT):
            self._parents(self._resolve(folder))
        if base == OPAQUE:
            self._emptied(self._resolve(folder))
        elif base.startswith(WHITEOUT) and not base.startswith(_MARKS):
            gone = base.removeprefix(WHITEOUT)
            if gone in ("", ".", ".."):
                raise Blocked(f"/{name} takes no name away")
            path = self._place(folder, gone)
            if self._tree.get(path) is None:
                self._vain.add(path)
            self._marks.add(path)
            self._tree.remove(path)
        return not name or base.startswith(WHITEOUT)

    def place(self, name: str) -> str:
        """Where an entry of a clean name goes; folders on the way are there then.

        Raises Blocked where it can go nowhere.
        """
        folder, _, base = name.rpartition("/")
        self._parents(self._resolve(folder))
        path = self._place(folder, base)
        self._added.add(path)
        return path

    def linked(self, name: str, target: str) -> str:
        """The path of the file that a hard link of a clean name leads to.

        Raises Blocked where no file is.
        """
        folder, _, last = target.rpartition("/")
        found = self._place(folder, last)
        entry = self._tree.get(found)
        if entry is None or entry.kind == "dir":
            raise Blocked(f"/{name} is linked to /{found}, where no file is")
        self._linked |= {found, self._place(*name.rpartition("/")[::2])}
        return found

    def _place(self, folder: str, base: str) -> str:
        return "/".join(filter(None, (self._resolve(folder), base)))

    def _resolve(self, folder: str) -> str:
        followed: list[str] = []
        found = self._tree.resolve(folder, followed)
        if followed:
            self._through |= set(followed) - self._added
        return found

    def _parents(self, folder: str) -> None:
        """Make folders that the layer itself does not name."""
        at = ""
        for part in filter(None, folder.split("/")):
            at = f"{at}/{part}" if at else part
            entry = self._tree.get(at)
            if entry is None:
                self._tree.put(at, self._folder)
                self._added.add(at)
            elif entry.kind != "dir":
                raise Blocked(f"/{at} is not a folder")

    def _emptied(self, folder: str) -> None:
        """Take away what this layer did not put there, at any depth."""
        self._vain |= {path for path in self._marks if is_below(path, folder)}
        self._take(folder)

    def _take(self, folder: str) -> None:
        for name in self._tree.names(folder):
            path = f"{folder}/{name}" if folder else name
            if path not in self._added:
                self._tree.remove(path)
            else:
                self._take(path)
