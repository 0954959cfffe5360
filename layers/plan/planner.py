"""Planner: finds out where layers are that a plan must know of, and makes it, once."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from hashes.errors import LayersError
from hashes.key import BadKey, Key
from layers.engine.engine import EngineDown, LocalImage
from layers.graph.faults import ParentUnknown
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import Names, names, plain_name
from layers.plan.plan import Broken, Node, Plan, Presence, make_plan
from layers.plan.presence import Seen, look_in_engine, look_in_registry
from layers.project.backends import Backends
from layers.project.project import Project
from layers.runtime.events import Listener, Warned
from layers.runtime.threads import Prefetch

if TYPE_CHECKING:
    from layers.plan.assembling import Assembling

Held = Mapping[str, LocalImage]


class Policy(NamedTuple):
    """What a run does otherwise than `doit` does."""

    nameless: bool = False
    """True where images get no plain names, so that nobody sees them."""
    remain: bool = False
    """True where what a builder makes stays in the registry, wanted or not."""
    uncached: frozenset[str] = frozenset()
    """Images that BuildKit builds from nothing, whatever its cache has of them."""


PLAIN = Policy()


class Planner:
    """The plan for what is wanted of a project."""

    def __init__(
        self,
        project: Project,
        backends: Backends,
        tell: Listener,
        wanted: Iterable[Layer] | None = None,
        policy: Policy = PLAIN,
        broken: Mapping[Layer, Broken] | None = None,
    ) -> None:
        """``wanted``: None is every image; ``broken``: known to be in the registry in part."""
        self.policy = policy
        self._project = project
        self._backends = backends
        self._tell = tell
        self._asked = None if wanted is None else tuple(wanted)
        self._broken = dict(broken or {})
        self._looking = threading.Lock()

    @cached_property
    def wanted(self) -> tuple[Layer, ...]:
        """What the user asked for, else every image."""
        return self._project.goals() if self._asked is None else self._asked

    def names(self, layer: Layer, key: Key) -> Names:
        """Under which references a layer at a key is found."""
        found = names(self._project.spec, self._backends.registry_host, layer, key)
        return found._replace(plain=found.keyed) if self.policy.nameless else found

    def names_now(self, layer: Layer) -> Names:
        """Under which references a layer is found at its present key."""
        return self.names(layer, self._project.inputs.key(layer))

    def pushes(self, layer: Layer) -> bool:
        """True when a layer goes to the registry under its key."""
        image = self._project.spec.images[layer.image]
        told = image.push if layer.stage is None else layer.stage in image.push_stages
        return told or bool(self._builder(layer)) or layer in self._handed_over

    def _builder(self, layer: Layer) -> str:
        """Who builds a layer elsewhere; "": the engine.  What is on trial is built here."""
        return "" if self.policy.nameless else self._project.spec.images[layer.image].builder

    def _no_registry(self, layer: Layer) -> str:
        name = self._builder(layer) if self._project.spec.registry is None else ""
        if not name:
            return ""
        return (
            f"the builder {name} needs a registry, as its results come through a registry, and"
            " there is none\n  name one in images.toml (project.registry) or in LAYERS_REGISTRY"
        )

    @cached_property
    def _handed_over(self) -> frozenset[Layer]:
        """What a builder elsewhere starts from, and so has to find in the registry."""
        images = self._project.spec.images.values()
        if self.policy.nameless or not any(image.builder for image in images):
            return frozenset()
        nodes = self.nodes.values()
        return frozenset(each for node in nodes if node.builder for each in node.parents)

    @cached_property
    def nodes(self) -> Mapping[Layer, Node]:
        """All layers with keys that the wanted ones may need, parents first."""
        inputs, spec = self._project.inputs, self._project.spec
        nodes: dict[Layer, Node] = {}
        for name in inputs.graph.closure(layer.image for layer in self.wanted):
            image = spec.images[name]
            if fault := inputs.fault(name):
                nodes |= self._at_fault(name, fault)
                continue
            found = inputs.image(name)
            kept = dict.fromkeys(stage for stage in found.stages if stage in image.push_stages)
            stages = (each.stage for each in self.wanted if each.image == name)
            kept.update((stage, None) for stage in stages if stage)
            for stage in (*(s for s in found.stages if s in kept), None):
                layer = Layer(name, stage)
                nodes[layer] = Node(
                    layer,
                    inputs.key(layer),
                    inputs.parents(layer),
                    found.problem or self._no_registry(layer),
                    self._builder(layer),
                )
        return nodes

    def _at_fault(self, name: str, fault: LayersError) -> Mapping[Layer, Node]:
        """What is wanted of an image that nobody can tell the key of."""
        inputs = self._project.inputs
        below = tuple(Layer(each) for each in inputs.graph.parents(name) if inputs.fault(each))
        problem = fault.message if isinstance(fault, ParentUnknown) else str(fault)
        stages = [layer for layer in self.wanted if layer.image == name and layer.stage]
        return {layer: Node(layer, None, below, problem) for layer in (*stages, Layer(name))}

    def _named(self, node: Node) -> Node:
        layer = node.layer
        if node.key is None:
            return node
        return node._replace(names=self.names(layer, node.key), push=self.pushes(layer))

    @cached_property
    def seen(self) -> Seen:
        """Where the wanted layers are, and what those to be built need."""
        seen = Seen(broken=self._broken)
        self._look(seen, self.wanted, self._plain_names())
        return seen

    def _plain_names(self) -> Prefetch[Held]:
        """What the plain names point at, asked for while the keys are computed.

        An engine that is not up yet is not started for that: a mistake in a file is told first.
        """
        asked = [plain_name(self._project.spec, layer) for layer in self.wanted]
        nothing: Held = {}
        engine = self._backends.answering()
        if engine is None:
            return Prefetch(lambda: nothing, nothing)
        return Prefetch(lambda: engine.find(asked), nothing)

    def _look(self, seen: Seen, layers: Iterable[Layer], ahead: Prefetch[Held] | None) -> None:
        """Where ``layers`` are, and then, level by level, what those to be built need.

        Most runs end with the first level: nobody asks about what is below an image that is there.
        """
        backends = self._backends
        level = [layer for layer in dict.fromkeys(layers) if layer not in seen.asked]
        while level:
            nodes = [self._named(self.nodes[layer]) for layer in level]
            seen.nodes.update((node.layer, node) for node in nodes)
            seen.asked.update(level)
            nodes = [node for node in nodes if node.key is not None]
            if self.policy.remain:
                # Nobody asks the engine about these.
                alone = self._assembling.possible([node.layer for node in nodes], seen)
                nodes = [node for node in nodes if node.layer not in alone]
                level = [layer for layer in level if layer not in alone]
            if nodes:
                look_in_engine(backends.engine, nodes, seen, ahead.answer() if ahead else {})
            asked = [node for node in nodes if node.push]
            expected = self._project.lock.expected
            look_in_registry(lambda: backends.registry, asked, seen, self._tell, expected)
            lacking = [layer for layer in level if seen.lacks(layer)]
            below = [parent for layer in lacking for parent in self.nodes[layer].parents]
            if lacking:
                self._assembling.possible(lacking, seen)
            level = [layer for layer in dict.fromkeys(below) if layer not in seen.asked]

    @cached_property
    def _assembling(self) -> Assembling:
        from layers.plan.assembling import Assembling

        def named(layer: Layer) -> Node:
            return self._named(self.nodes[layer])

        policy = self.policy
        found = Assembling(self._project, self._backends, self._tell, named, policy.remain)
        if policy.nameless:  # what is on trial is for nobody else
            found.give_up(*self.nodes)
        return found

    def distrust(self, broken: Mapping[Layer, Broken]) -> None:
        """Note what is in the registry in part only, whoever found that out."""
        self.seen.broken.update(broken)

    def without(self, layer: Layer) -> Plan:
        """The plan for one layer, now that the registry turned out not to have all of it, or that
        it could not be assembled.
        """
        with self._looking:
            seen = self.seen
            digest = seen.registry.pop(layer, None)
            if digest is not None:
                seen.broken[layer] = Broken(digest, (digest,))
            self._assembling.give_up(layer)
            self._look(seen, self.nodes[layer].parents, None)
            return make_plan(self._nodes_of(seen), seen.presence(), [layer], {})

    def _nodes_of(self, seen: Seen) -> list[Node]:
        return [seen.nodes[layer] for layer in self.nodes if layer in seen.asked]

    def stored(self, layer: Layer, digest: Digest) -> None:
        """Note that the registry has a layer now, whole."""
        self.seen.registry[layer] = digest
        self.seen.broken.pop(layer, None)

    def holds(self, layer: Layer, digest: Digest) -> None:
        """Note that the engine has a layer now, or has it as another image than before."""
        self.seen.engine[layer] = digest

    @property
    def presence(self) -> Presence:
        """Where the layers are."""
        return self.seen.presence()

    @cached_property
    def plan(self) -> Plan:
        """What has to be done; made once.  Saves the stat cache on the way."""
        seen = self.seen
        nodes = self._nodes_of(seen)
        causes = {
            node.layer: self._causes(node, seen.earlier.get(node.layer, ""))
            for node in nodes
            if node.layer not in seen.engine
        }
        there = self.policy.remain
        if any(seen.lacks(node.layer) for node in nodes):
            nodes = self._judged(nodes, seen)
        plan = make_plan(nodes, seen.presence(), self.wanted, causes, there=there)
        self._remember(node for node in nodes if node.layer in seen.engine)
        self._project.cache.save()
        return plan

    def _judged(self, nodes: Iterable[Node], seen: Seen) -> list[Node]:
        """The nodes, those that are nowhere with how they can be made, or why they cannot."""
        from layers.plan.buildable import Buildable

        look = Buildable(self._project, self._backends, self._tell, seen.registry)
        return [
            look.judged(self._assembling.node(node, seen)) if seen.lacks(node.layer) else node
            for node in nodes
        ]

    def _causes(self, node: Node, earlier: str) -> tuple[str, ...]:
        """What changed since the image that the plain name points at, in words."""
        if not earlier:
            return ()
        try:
            old = self._project.records.recall(Key.parse(earlier))
        except BadKey:
            return ()
        if old is None:
            return (f"inputs changed since {earlier}",)
        from layers.graph.causes import why

        found = why(old, self._project.record(node.layer))
        return tuple(dict.fromkeys(change.text() for change in found))

    def _remember(self, nodes: Iterable[Node]) -> None:
        """Keep what is behind images that are there, where that was lost or never here."""
        records = self._project.records
        for node in nodes:
            if node.key is not None and not records.remembers(node.key):
                with contextlib.suppress(OSError):  # a checkout that cannot be written to
                    records.remember(node.key, self._project.record(node.layer))

    def look(self) -> Plan:
        """The plan for whoever only looks: without an engine all is unknown, and no error."""
        try:
            return self.plan
        except EngineDown as error:
            self._tell(Warned(str(error)))
            return make_plan(self.nodes.values(), Presence(), self.wanted, {})
