"""Assembling: which layers a plan may put together without the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from layers.graph.graph import Layer
from layers.oci.compression import Compression
from layers.plan.plan import Assembly, Node, assembles
from layers.plan.presence import Seen, look_in_registry
from layers.plan.tails import tail_of
from layers.project.backends import Backends
from layers.project.project import Project
from layers.runtime.events import Listener


class Assembling:
    """Answers for one run; a layer that turned out to need BuildKit stays out of it."""

    def __init__(
        self,
        project: Project,
        backends: Backends,
        tell: Listener,
        named: Callable[[Layer], Node],
        remain: bool,
    ) -> None:
        """``named`` gives a layer's node with its names; ``remain``: images need not come to the
        engine.
        """
        self._project = project
        self._backends = backends
        self._tell = tell
        self._named = named
        self._remain = remain
        self._given_up: set[Layer] = set()

    def give_up(self, *layers: Layer) -> None:
        """Leave layers to BuildKit from now on."""
        self._given_up.update(layers)

    def of(self, layer: Layer) -> Assembly | None:
        """How a layer could be assembled, by its Dockerfile; None where nobody asked for that, or
        it goes to no registry.
        """
        image = self._project.spec.images[layer.image]
        if not image.assemble or image.rootfs is not None or layer in self._given_up:
            return None
        node = self._named(layer)
        if node.key is None or node.builder or not node.push or node.names.remote is None:
            return None
        found = tail_of(self._project.inputs, layer)
        packed = image.compression or Compression()
        other = f"its layers are to be {packed.kind}" if packed != Compression() else ""
        return Assembly(found.parent, found.obstacle or other)

    def possible(self, layers: Iterable[Layer], seen: Seen) -> set[Layer]:
        """What can be assembled upon what the registry has, which is asked for that."""
        ways = {layer: self.of(layer) for layer in layers}
        bases = {way.base for way in ways.values() if way is not None and not way.obstacle}
        asked = [self._named(each) for each in bases if each is not None]
        asked = [node for node in asked if node.layer not in seen.registry]
        expected, wanted = self._project.lock.expected, {node.layer for node in asked}
        look_in_registry(lambda: self._backends.registry, asked, seen, self._tell, expected, wanted)
        return {layer for layer, way in ways.items() if assembles(way, seen.registry)}

    def node(self, node: Node, seen: Seen) -> Node:
        """The node with how it could be assembled.

        An engine has what it has by the digests of a registry, if it keeps images as registries
        do; any other would fetch all of a base again.
        """
        found = self.of(node.layer)
        if found is None or found.obstacle or found.base is None or self._remain:
            return node._replace(assembly=found)
        held, there = seen.engine.get(found.base), seen.registry.get(found.base)
        if held is not None and there is not None and not self._knows(held == there):
            found = found._replace(obstacle=f"the engine would fetch all of {found.base} again")
        return node._replace(assembly=found)

    def _knows(self, same: bool) -> bool:
        return same and self._backends.engine.about().keeps_manifests
