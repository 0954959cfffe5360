"""Assembling: which layers a plan may put together without the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hashes.key import BadKey, Key
from layers.graph.graph import Layer
from layers.plan.names import Names
from layers.plan.plan import Assembly, Node, assembles
from layers.plan.presence import Seen, look_in_registry
from layers.plan.tails import in_the_way, tail_of, trunk_of
from layers.project.backends import Backends
from layers.project.project import Project
from layers.registry.registry import RegistryError
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
        obstacle, last = found.obstacle, found.division.last
        if obstacle or last is None:
            return Assembly(found.parent, obstacle)
        steps = f"steps up to {last.step} in line {last.line}"
        return Assembly(trunk_of(self._project.inputs, layer, found).layer, "", steps)

    def _asked(self, layer: Layer, way: Assembly) -> Node | None:
        """What the registry is asked for; None where that is no image of ours."""
        if not way.steps:
            return self._named(way.base) if way.base is not None else None
        node, inputs = self._named(layer), self._project.inputs
        trunk = trunk_of(inputs, layer, tail_of(inputs, layer))
        key = trunk.manifest.key()
        return Node(trunk.layer, key, names=trunk_names(node.names, key))

    def possible(self, layers: Iterable[Layer], seen: Seen) -> set[Layer]:
        """What can be assembled upon what the registry has, which is asked for that."""
        ways = {layer: self.of(layer) for layer in layers}
        open_ = {layer: way for layer, way in ways.items() if way is not None and not way.obstacle}
        found = {layer: self._asked(layer, way) for layer, way in open_.items()}
        nodes = {node.layer: node for node in found.values() if node is not None}
        asked = [node for node in nodes.values() if node.layer not in seen.registry]
        expected, wanted = self._project.lock.expected, {node.layer for node in asked}
        look_in_registry(lambda: self._backends.registry, asked, seen, self._tell, expected, wanted)
        return {layer for layer, way in ways.items() if assembles(way, seen.registry)}

    def node(self, node: Node, seen: Seen) -> Node:
        """The node with how it could be assembled.

        An engine has what it has by the digests of a registry, if it keeps images as registries
        do; any other would fetch all of a base again.
        """
        found = self.of(node.layer)
        base = found.base if found is not None else None
        if found is None or found.obstacle or base is None:
            return node._replace(assembly=found)
        if base not in seen.registry:
            found = found._replace(lacking=self._lacking(node.layer, found, seen))
        elif not self._remain and (what := self._again(node, base, seen)):
            found = found._replace(obstacle=f"the engine would fetch all of {what} again")
        return node._replace(assembly=found)

    def _again(self, node: Node, base: Layer, seen: Seen) -> str:
        """What the engine has otherwise than the registry, which a pull would bring anew."""
        below = tail_of(self._project.inputs, node.layer).parent or base
        for each in dict.fromkeys((below, base)):
            held, there = seen.engine.get(each), seen.registry.get(each)
            if held is not None and there is not None and not self._knows(held == there):
                return str(each)
        current = seen.current.get(node.layer)
        if base.image == node.layer.image and base in seen.blobs and current is not None:
            try:
                known = self._backends.registry.manifest(str(node.names.remote), current.text)
            except RegistryError:
                known = None
            layers = known.content.get("layers") or () if known is not None else ()
            parts = {str(each.get("digest")) for each in layers}
            if not self._knows(parts >= seen.blobs[base].keys()):
                return "its steps"
        return ""

    def _homeless(self, parent: Layer | None) -> str:
        """Why nothing can be put upon a layer, whatever is built; "": it goes to a registry."""
        if parent is None or self._named(parent).push:
            return ""
        setting = f"push_stages does not name {parent.stage}" if parent.stage else "push is not set"
        return f"{parent}, on which it stands, goes to no registry: {setting} for {parent.image}"

    def _lacking(self, layer: Layer, way: Assembly, seen: Seen) -> str:
        """Why the registry does not have what a layer stands on: its parent never goes there, or
        a line that stands in the way of a change; "" where nobody knows.
        """
        told = self._homeless(tail_of(self._project.inputs, layer).parent)
        if told or not way.steps:
            return told
        try:
            old = self._project.records.recall(Key.parse(seen.earlier.get(layer, "")))
        except BadKey:
            old = None
        if old is None:
            return ""
        inputs = self._project.inputs
        found = tail_of(inputs, layer)
        trunk = trunk_of(inputs, layer, found).manifest
        return in_the_way(old, found, trunk)

    def _knows(self, same: bool) -> bool:
        return same and self._backends.engine.about().keeps_manifests


def trunk_names(names: Names, key: Key) -> Names:
    """Where the trunk of a layer that has these names is found, whatever stage it ends in."""
    return names._replace(keyed="", plain="", tag=f"{names.prefix}{key}")
