"""Measuring: an image's layers, packages, duplicates and lost bytes, out of what layers hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from layers.assemble.trees.unpacking import WHITEOUT
from layers.sizes.contents import Member
from layers.sizes.files import Files, Lost
from layers.sizes.packages import Package, packages


class Read(NamedTuple):
    """A layer that was read."""

    packed: int | None
    """Bytes as it lies in a registry; None: an engine that keeps layers unpacked does not know."""
    instruction: str
    members: tuple[Member, ...]


class LayerSize(NamedTuple):
    """What a layer takes."""

    packed: int | None
    unpacked: int
    """Bytes of its files."""
    files: int
    instruction: str


class Duplicate(NamedTuple):
    """Files with the same bytes at several paths, no hard links of one another."""

    size: int
    """Bytes of each."""
    paths: tuple[str, ...]

    @property
    def spare(self) -> int:
        """Bytes that all but one of them take."""
        return self.size * (len(self.paths) - 1)


class Measured(NamedTuple):
    """An image in bytes."""

    layers: tuple[LayerSize, ...]
    """The lowest first."""
    seen: int
    """Bytes of the files that a container sees."""
    files: int
    """How many these are."""
    packages: tuple[Package, ...]
    duplicates: tuple[Duplicate, ...]
    """What takes most first."""
    lost: tuple[Lost, ...]
    """The largest first."""

    @property
    def unpacked(self) -> int:
        """Bytes of the files of all layers: what ``max_size`` is about."""
        return sum(each.unpacked for each in self.layers)

    @property
    def packed(self) -> int | None:
        """Bytes of all layers as they lie in a registry; None: not known of all of them."""
        known = [each.packed for each in self.layers if each.packed is not None]
        return sum(known) if len(known) == len(self.layers) else None


def measure(layers: Sequence[Read]) -> Measured:
    """Measure an image; ``layers`` from the lowest on.  Raises LayersError."""
    files = Files()
    for each in layers:
        files.add(each.members)
    rows = [
        LayerSize(
            each.packed,
            sum(member.size for member in each.members),
            sum(member.kind == "file" and not _mark(member.name) for member in each.members),
            each.instruction,
        )
        for each in layers
    ]
    known: set[int] = set()
    same: dict[tuple[int, bytes], list[str]] = defaultdict(list)
    seen = count = 0
    for path, place in files.walk():
        if place.kind != "file" or (place.names > 1 and id(place) in known):
            continue
        if place.names > 1:
            known.add(id(place))
        seen += place.size
        count += 1
        if place.digest:
            same[place.size, place.digest].append(path)
    twice = [Duplicate(size, tuple(paths)) for (size, _), paths in same.items() if paths[1:]]
    return Measured(
        tuple(rows),
        seen,
        count,
        packages(files),
        tuple(sorted(twice, key=lambda each: (-each.spare, each.paths))),
        tuple(sorted(files.lost, key=lambda each: (-each.size, each.path, each.layer))),
    )


def _mark(name: str) -> bool:
    """Whether an entry is no file, but takes one away."""
    return name.rpartition("/")[2].startswith(WHITEOUT)
