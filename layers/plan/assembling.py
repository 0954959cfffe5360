"""Assembling: which layers a plan may put together without the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

from hashes.key import BadKey, Key
from layers.assemble.obstacle import MOST_READ
from layers.graph.graph import Layer
from layers.plan.names import Names
from layers.plan.origins.ways import asked, chosen, lacks, too_much, ways
from layers.plan.origins.whole import stood_upon
from layers.plan.plan import Assembly, Node
from layers.plan.presence import Seen, look_in_registry
from layers.plan.tails import Tail, in_the_way, tail_of, trunk_of
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

    def _ways(self, layer: Layer) -> tuple[Tail, ...]:
        """How a layer could be assembled, by its Dockerfile; () where that is turned off.

        One that goes to no registry can be put upon an image of ours that does, in the engine.
        """
        if not self._project.spec.images[layer.image].may_assemble or layer in self._given_up:
            return ()
        node = self._named(layer)
        if node.key is None or node.builder or node.names.remote is None:
            return ()
        found = ways(self._project.inputs, layer)
        if node.push:
            return found
        return tuple(each for each in found if each.parent is not None and not each.inside)

    def _asked(self, layer: Layer) -> Node:
        """A layer of ours, or a trunk of one, as the registry is asked for it."""
        if layer.stage is None or not layer.stage.startswith("+"):
            return self._named(layer)
        key = Key.parse(layer.stage[1:])
        return Node(layer, key, names=trunk_names(self._named(Layer(layer.image)).names, key))

    def _way(self, layer: Layer, found: tuple[Tail, ...], seen: Seen) -> Tail | None:
        """The one of some tails that is possible with what the registry has."""
        inputs, has = self._project.inputs, seen.registry.__contains__
        if not self._project.spec.images[layer.image].assemble:
            found = tuple(each for each in found if not self._unlisted(each, seen))
        return chosen(inputs, layer, found, has, seen.blobs.get)

    def _unlisted(self, tail: Tail, seen: Seen) -> bool:
        """Whether nobody lists what a tail stands on unless asked, as it is too large for that."""
        parent = None if tail.inside else tail.parent
        if parent is None or parent in self._listed:
            return False
        return sum((seen.blobs.get(parent) or {}).values()) > MOST_READ

    @cached_property
    def _listed(self) -> set[Layer]:
        """The layers of ours that are listed however large they are."""
        return stood_upon(self._project.inputs, asked=True)

    def possible(self, layers: Iterable[Layer], seen: Seen) -> set[Layer]:
        """What can be assembled upon what the registry has, which is asked for that.

        It is asked for the longest trunks first, and for more only where these are not there; for
        what goes to no registry only once the engine was asked (`node`).
        """
        found = {layer: self._ways(layer) for layer in layers if self._named(layer).push}
        open_ = {
            layer: tuple(each for each in tails if not each.obstacle)
            for layer, tails in found.items()
        }
        self._look({layer: tails[:1] for layer, tails in open_.items()}, seen)
        lacking = {layer for layer, tails in open_.items() if not self._way(layer, tails, seen)}
        self._look({layer: open_[layer][1:] for layer in lacking}, seen)
        return {layer for layer, tails in found.items() if self._way(layer, tails, seen)}

    def _look(self, wanted: Mapping[Layer, tuple[Tail, ...]], seen: Seen) -> None:
        """Ask the registry for all that some tails need."""
        inputs = self._project.inputs
        all_ = {each for layer, tails in wanted.items() for each in asked(inputs, layer, tails)}
        nodes = [self._asked(each) for each in sorted(all_ - seen.registry.keys(), key=str)]
        expected, bases = self._project.lock.expected, {node.layer for node in nodes}
        look_in_registry(lambda: self._backends.registry, nodes, seen, self._tell, expected, bases)

    def node(self, node: Node, seen: Seen) -> Node:
        """The node with how it could be assembled.

        An engine that keeps images as registries do has what it has by their digests; of any other
        the ids are never those of manifests, and it would fetch all of a base again.
        """
        tails = self._ways(node.layer)
        if not tails:
            return node._replace(assembly=None)
        if not node.push:
            tail = next((each for each in tails if self._in_engine(each, seen)), None)
            if tail is not None:
                return node._replace(assembly=self._assembly(node.layer, tail)._replace(held=True))
            self._look({node.layer: tails}, seen)
        tail = self._way(node.layer, tails, seen)
        if tail is None:
            return node._replace(assembly=self._lacking(node.layer, tails, seen))
        found = self._assembly(node.layer, tail)
        if found.base is not None and not self._remain:
            what = self._again(node, found.base, seen)
            told = f"the engine would fetch all of {what} again" if what else ""
            if not told and not node.push and found.base not in seen.engine:
                told = f"the engine does not have {found.base}, and it goes to no registry"
            if told:
                found = found._replace(obstacle=told)
                return node._replace(assembly=found if found.asked else None)
        return node._replace(assembly=found)

    def _in_engine(self, tail: Tail, seen: Seen) -> bool:
        """Whether the engine has what a tail stands on, and this checkout knows what that is."""
        if tail.obstacle or tail.division.copies or tail.parent is None:
            return False
        held = seen.engine.get(tail.parent)
        return held is not None and self._project.bases.whole(held)

    def _assembly(self, layer: Layer, tail: Tail) -> Assembly:
        """A tail as the plan has it."""
        last = tail.division.last
        copies = tuple(dict.fromkeys(source.text for _, source in tail.division.copies))
        asked = bool(self._project.spec.images[layer.image].assemble)
        if tail.obstacle or last is None:
            return Assembly(tail.parent, tail.obstacle, copies=copies, asked=asked)
        base = trunk_of(self._project.inputs, layer, tail).layer
        steps = f"steps up to {last.step} in line {last.line}"
        return Assembly(base, "", steps, copies=copies, asked=asked)

    def _again(self, node: Node, base: Layer, seen: Seen) -> str:
        """What the engine has otherwise than the registry, which a pull would bring anew."""
        below = tail_of(self._project.inputs, node.layer).parent or base
        for each in dict.fromkeys((below, base)):
            held, there = seen.engine.get(each), seen.registry.get(each)
            if held is not None and there is not None and held != there:
                return str(each)
        current = seen.current.get(node.layer)
        if base.image == node.layer.image and base in seen.blobs and current is not None:
            try:
                known = self._backends.registry.manifest(str(node.names.remote), current.text)
            except RegistryError:
                known = None
            layers = known.content.get("layers") or () if known is not None else ()
            parts = {str(each.get("digest")) for each in layers}
            if not parts >= seen.blobs[base].keys():
                return "its steps"
        return ""

    def _homeless(self, parent: Layer | None) -> str:
        """Why nothing can be put upon a layer, whatever is built; "": it goes to a registry."""
        if parent is None or self._named(parent).push:
            return ""
        setting = f"push_stages does not name {parent.stage}" if parent.stage else "push is not set"
        return f"{parent}, on which it stands, goes to no registry: {setting} for {parent.image}"

    def _lacking(self, layer: Layer, tails: tuple[Tail, ...], seen: Seen) -> Assembly | None:
        """Why none of some tails is possible: by what needs the least to be in the registry.

        Where nobody asked for it, only lines of the Dockerfile are of interest.
        """
        tail = next((each for each in reversed(tails) if not each.obstacle), tails[-1])
        found = self._assembly(layer, tail)
        if found.obstacle:
            return found
        line = self._changed(layer, tail, seen) or tails[-1].obstacle
        if not found.asked:
            return found._replace(lacking=line) if line else None
        told = self._homeless(tail.parent) or line or self._copies(layer, tail, seen)
        return found._replace(lacking=told)

    def _changed(self, layer: Layer, tail: Tail, seen: Seen) -> str:
        """The line that stands in the way of what changed; "" where nobody knows."""
        inputs = self._project.inputs
        try:
            old = self._project.records.recall(Key.parse(seen.earlier.get(layer, "")))
        except BadKey:
            old = None
        if old is None or not tail.inside:
            return ""
        return in_the_way(old, tail, trunk_of(inputs, layer, tail).manifest)

    def _copies(self, layer: Layer, tail: Tail, seen: Seen) -> str:
        """What it takes from elsewhere and is not in the registry, or too large to be read there,
        where what it stands on is in it.
        """
        base = self._assembly(layer, tail).base
        if base is not None and base not in seen.registry:
            return ""
        inputs, has = self._project.inputs, seen.registry.__contains__
        told = lacks(inputs, layer, tail, has)
        return "; ".join(told) or too_much(inputs, layer, tail, has, seen.blobs.get)


def trunk_names(names: Names, key: Key) -> Names:
    """Where the trunk of a layer that has these names is found, whatever stage it ends in."""
    return names._replace(keyed="", plain="", tag=f"{names.prefix}{key}")
