"""What differs between two builds of one image: packages, and sizes layer by layer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from layers.engine.containers import Containers
from layers.refresh.inventory import Package
from layers.sizes.instructions import instruction


@dataclass(frozen=True, order=True)
class PackageChange:
    """One package in two images; an empty version means that it is not there."""

    manager: str
    name: str
    old: str
    new: str


@dataclass(frozen=True)
class LayerSize:
    """A filesystem layer: the instruction that made it, and its bytes, unpacked."""

    created_by: str
    size: int


@dataclass(frozen=True)
class LayerChange:
    """One filesystem layer in two images, in bytes; None means that it is not there."""

    created_by: str
    old: int | None
    new: int | None

    @property
    def delta(self) -> int:
        """Bytes that it grew by, negative when it shrank."""
        return (self.new or 0) - (self.old or 0)


def package_changes(old: Iterable[Package], new: Iterable[Package]) -> tuple[PackageChange, ...]:
    """What was added, removed or came in another version, sorted.

    Several versions of one package in an image (two virtual environments) read ``1.0, 2.0``.
    """
    before, after = _versions(old), _versions(new)
    return tuple(
        PackageChange(*key, before.get(key, ""), after.get(key, ""))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    )


def _versions(packages: Iterable[Package]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for package in packages:
        found[package.manager, package.name].add(package.version)
    return {key: ", ".join(sorted(versions)) for key, versions in found.items()}


def layer_sizes(containers: Containers, image: str) -> tuple[LayerSize, ...]:
    """The layers of an image that the engine holds, oldest first; those of no bytes are left out.

    Source: ``GET /images/{name}/history``.
    """
    return tuple(
        LayerSize(instruction(created_by), size)
        for created_by, size in containers.history(image)
        if size
    )


def layer_changes(old: Sequence[LayerSize], new: Sequence[LayerSize]) -> tuple[LayerChange, ...]:
    """Both images' layers side by side, oldest first, paired by their instructions."""
    before, after = [one.created_by for one in old], [one.created_by for one in new]
    found: list[LayerChange] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for _, i1, i2, j1, j2 in matcher.get_opcodes():
        left, right = old[i1:i2], new[j1:j2]
        if before[i1:i2] == after[j1:j2]:
            found += [
                LayerChange(one.created_by, one.size, other.size)
                for one, other in zip(left, right, strict=True)
            ]
        else:
            found += [LayerChange(one.created_by, one.size, None) for one in left]
            found += [LayerChange(one.created_by, None, one.size) for one in right]
    return tuple(found)
