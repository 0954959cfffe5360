"""An engine's store in memory: a real implementation of the Protocol, without a process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from layers.engine.engine import EngineDown
from layers.engine.store import Container, Stored
from layers.oci.digest import Digest


class MemoryStore:
    """Holds images and containers; as with the real one, a container keeps its image."""

    def __init__(self) -> None:
        self.down = False
        self.held: dict[Digest, Stored] = {}
        self.made: list[Container] = []
        self.sizes: dict[Digest, dict[str, int]] = {}
        self.unused = 0
        """Bytes of build cache."""

    def add(self, image: Stored, **parts: int) -> Stored:
        """Put an image there, made of these parts."""
        self.held[image.identity] = image
        self.sizes[image.identity] = parts
        return image

    def images(self) -> tuple[Stored, ...]:
        """See `layers.engine.store.Store.images`."""
        self._answer()
        return tuple(sorted(self.held.values(), key=lambda one: -one.created))

    def names(self, identity: Digest) -> tuple[str, ...] | None:
        """See `layers.engine.store.Store.names`."""
        self._answer()
        return self.held[identity].names if identity in self.held else None

    def parts(self, identities: Sequence[Digest]) -> dict[Digest, tuple[str, dict[str, int]]]:
        """See `layers.engine.store.Store.parts`."""
        self._answer()
        return {
            one: ("linux/amd64", self.sizes.get(one, {})) for one in identities if one in self.held
        }

    def containers(self) -> tuple[Container, ...]:
        """See `layers.engine.store.Store.containers`."""
        self._answer()
        return tuple(self.made)

    def remove(self, name: str) -> bool:
        """See `layers.engine.store.Store.remove`."""
        self._answer()
        for one, image in list(self.held.items()):
            left = tuple(other for other in image.names if other != name)
            if name not in image.names and name != str(one):
                continue
            if not left and any(each.image == one for each in self.made):
                return False
            if left and name != str(one):
                self.held[one] = replace(image, names=left)
            else:
                del self.held[one]
        return True

    def cache(self) -> int:
        """See `layers.engine.store.Store.cache`."""
        self._answer()
        return self.unused

    def prune(self, keep: int) -> int:
        """See `layers.engine.store.Store.prune`."""
        self._answer()
        freed = max(0, self.unused - keep)
        self.unused -= freed
        return freed

    def _answer(self) -> None:
        if self.down:
            raise EngineDown("no Docker engine answers in memory")
