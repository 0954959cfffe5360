"""Files: what an image holds once all its layers are put upon one another, and what got lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from hashes.errors import LayersError
from layers.assemble.obstacle import Blocked
from layers.assemble.trees.tree import Tree, clean
from layers.assemble.trees.unpacking import Unpacking
from layers.sizes.contents import Member


class Place:
    """What is at one path, or behind several hard links."""

    __slots__ = ("digest", "kind", "layer", "link", "names", "owner", "size", "text")

    def __init__(self, member: Member, layer: int) -> None:
        self.kind = member.kind
        self.size = member.size
        self.link = member.link
        self.digest = member.digest
        self.text = member.text
        self.layer = layer
        """In which layer its bytes are, from 1."""
        self.names = 1
        self.owner = -1
        """Its package's number; -1: it has none."""

    def linked(self) -> None:
        """Count one more name."""
        self.names += 1

    def unlinked(self) -> bool:
        """Count one less; True when none is left."""
        self.names -= 1
        return self.names == 0

    def claim(self, owner: int) -> bool:
        """Give it to a package, unless it is another's; True when it is the package's now."""
        if self.owner < 0:
            self.owner = owner
            return True
        return False


class Lost(NamedTuple):
    """A file that lies in one layer and that no container sees."""

    size: int
    path: str
    layer: int
    """Where its bytes are, from 1."""
    by: int
    """Which layer took it away."""
    how: Literal["deleted", "overwritten", "repeated"]
    """``repeated``: overwritten with the same bytes, as by chmod or chown."""


class Files(Tree[Place]):
    """A tree of places that notes what is lost on the way."""

    def __init__(self) -> None:
        super().__init__(Place(Member("", "dir"), 0))
        self.lost: list[Lost] = []
        self._layer = 0
        self._new: tuple[str, Place] | None = None

    def add(self, members: Iterable[Member]) -> None:
        """Put the next layer on top.  Raises LayersError for one that no engine unpacks."""
        self._layer += 1
        unpacking = Unpacking(self, Place(Member("", "dir"), self._layer))
        try:
            for member in members:
                self._add(member, unpacking)
        except Blocked as error:
            said = f"layer {self._layer} is one that no engine unpacks: {error}"
            raise LayersError(said) from error

    def _add(self, member: Member, unpacking: Unpacking[Place]) -> None:
        name = member.name
        if unpacking.marked(name):
            return
        path = unpacking.place(name)
        if member.kind == "hard":
            place = self.get(unpacking.linked(name, clean(member.link)))
            assert place is not None
            place.linked()
        else:
            place = Place(member, self._layer)
        self.put(path, place)

    def put(self, path: str, entry: Place) -> None:
        """See `Tree.put`."""
        self._new = (path, entry)
        super().put(path, entry)
        self._new = None

    def gone(self, path: str, entry: Place) -> None:
        """Note the bytes of a file whose last name this was."""
        if not entry.unlinked() or entry.kind != "file" or not entry.size:
            return
        how: Literal["deleted", "overwritten", "repeated"] = "deleted"
        if self._new is not None and self._new[0] == path:
            new = self._new[1]
            same = entry.digest and (entry.digest, entry.size) == (new.digest, new.size)
            how = "repeated" if same else "overwritten"
        self.lost.append(Lost(entry.size, path, entry.layer, self._layer, how))
