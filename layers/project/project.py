"""A project: everything that a run knows, each part made when it is first asked for."""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from hashes.context.statcache import StatCache
from hashes.errors import LayersError
from hashes.key import BadKey, Key
from layers.config.load import load
from layers.config.spec import SPEC_FILE, Spec
from layers.engine.engine import Engine, EngineDown
from layers.graph.causes import why
from layers.graph.contexts import Contexts
from layers.graph.graph import Layer
from layers.graph.inputs import Inputs
from layers.graph.record import Record
from layers.lock.lock import LOCK_FILE, Lock
from layers.lock.upstreams import Upstreams
from layers.oci.digest import Digest
from layers.oci.platform import machine_platform
from layers.plan.names import Names, names
from layers.plan.plan import Broken, Node, Plan, Presence, make_plan
from layers.plan.planner import look, plain_names
from layers.plan.presence import Seen
from layers.project.history import History
from layers.registry.registry import Registry
from layers.runtime.events import Event, Listener, Warned, silent
from layers.runtime.state import State
from layers.setup.choose import Endpoint, endpoint, ensure
from layers.setup.logins import logins
from layers.setup.private.paths import Places

_SHARED = ("endpoint", "spec", "cache", "engine", "registry", "registry_host")


class Project:
    """An ``images.toml`` with what stands around it."""

    def __init__(self, root: str, *, profile: str | None = None) -> None:
        # What a plan is made of lives as long as the plan: looking for garbage in it finds none,
        # and takes an eighth of the time of 100,000 files. `tasks.make` looks again.
        gc.disable()
        self.root = root
        self.profile = profile
        self.listener: Listener = silent
        self.state = State(root)
        self.history = History(self.state.path("history.jsonl"))
        self.wanted: tuple[Layer, ...] | None = None
        """What the user asked for; None: every image."""
        self.only_looks = False
        """True for commands that do not set an engine up to find that it has nothing."""
        self.failed: set[Layer] = set()
        """Layers that could not be made in this run."""
        self.uncached: frozenset[str] = frozenset()
        """Images that BuildKit builds from nothing, whatever its cache has of them."""
        self.nameless = False
        """True where images get no plain names, so that nobody sees them."""
        self.remain = False
        """True where what a builder makes stays in the registry, wanted or not."""
        self.upstreams = Upstreams()
        self._looking = threading.Lock()

    def share(self) -> None:
        """Make now what every `trial` is to use, too."""
        for name in _SHARED[1:]:
            getattr(self, name)

    def trial(self, lock: Lock, uncached: Iterable[str]) -> Project:
        """This project under another lock, whose images get no plain names: nobody sees them."""
        found = copy.copy(self)
        for name in (*vars(found),):
            if isinstance(getattr(Project, name, None), cached_property) and name not in _SHARED:
                del vars(found)[name]
        found.lock = lock
        found.uncached = frozenset(uncached)
        found.failed = set()
        found.nameless = True
        return found

    def tell(self, event: Event) -> None:
        """Pass an event to whoever listens."""
        self.listener(event)

    # -- what the files say ------------------------------------------------------------------

    @cached_property
    def spec(self) -> Spec:
        """``images.toml`` under the chosen profile.  Raises SpecError with every fault."""
        path = os.path.join(self.root, SPEC_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            raise LayersError(
                f"there is no {SPEC_FILE} in {self.root}",
                hint="docs/images-toml.md shows the smallest one",
            ) from None
        return load(
            text,
            path=SPEC_FILE,
            profile=self.profile,
            registry=os.environ.get("LAYERS_REGISTRY"),
            platform=machine_platform(),
            exists=lambda relative: os.path.exists(os.path.join(self.root, relative)),
            builder=os.environ.get("LAYERS_BUILDER"),
        )

    @cached_property
    def lock(self) -> Lock:
        """``images.lock``; an empty one where there is none."""
        try:
            with open(os.path.join(self.root, LOCK_FILE), encoding="utf-8") as file:
                return Lock.parse(file.read(), LOCK_FILE)
        except FileNotFoundError:
            return Lock()

    @cached_property
    def cache(self) -> StatCache:
        """The stat cache of this checkout."""
        return StatCache.load(self.state.path("stat"), self.root, self.spec.hash)

    @cached_property
    def inputs(self) -> Inputs:
        """The keys."""
        return Inputs(self.root, self.spec, self.lock, Contexts(self.root, self.cache, self.state))

    # -- where things are ----------------------------------------------------------------------

    @cached_property
    def endpoint(self) -> Endpoint:
        """The engine in use, started where it is ours and down.

        Raises EngineDown for commands that only look where there never was one.
        """
        if self.only_looks and not os.path.exists(Places.of(self.root).settings):
            return endpoint(self.root)
        return ensure(self.root, self.tell)

    @cached_property
    def engine(self) -> Engine:
        """The engine behind `endpoint`."""
        from layers.engine.docker import DockerEngine

        found = self.endpoint
        return DockerEngine(found.host, found.environment)

    @cached_property
    def registry(self) -> Registry:
        """The client for every registry; no engine is started for it."""
        from layers.oci.credentials import DockerCredentials
        from layers.registry.client import HttpRegistry

        return HttpRegistry(DockerCredentials(logins(self.root)), insecure=lambda _host: False)

    @cached_property
    def registry_host(self) -> str | None:
        """Where our images go, ``host[:port][/path]``; None: nowhere."""
        if self.spec.registry == "engine":
            return self.endpoint.registry
        return self.spec.registry

    def names(self, layer: Layer, key: Key) -> Names:
        """Under which references a layer at a key is found."""
        found = names(self.spec, self.registry_host, layer, key)
        return replace(found, plain=found.keyed) if self.nameless else found

    def pushes(self, layer: Layer) -> bool:
        """True when a layer goes to the registry under its key."""
        image = self.spec.images[layer.image]
        told = image.push if layer.stage is None else layer.stage in image.push_stages
        return told or bool(self.builder(layer)) or layer in self._handed_over

    def builder(self, layer: Layer) -> str:
        """Who builds a layer elsewhere; "": the engine.  What is on trial is built here."""
        return "" if self.nameless else self.spec.images[layer.image].builder

    def _no_registry(self, layer: Layer) -> str:
        name = self.builder(layer) if self.spec.registry is None else ""
        return f"the builder {name} needs a registry, and there is none" if name else ""

    @cached_property
    def _handed_over(self) -> frozenset[Layer]:
        """What a builder elsewhere starts from, and so has to find in the registry."""
        if self.nameless or not any(image.builder for image in self.spec.images.values()):
            return frozenset()
        nodes = self.nodes.values()
        return frozenset(each for node in nodes if node.builder for each in node.parents)

    # -- the plan ------------------------------------------------------------------------------

    @cached_property
    def nodes(self) -> Mapping[Layer, Node]:
        """All layers with keys that the wanted ones may need, parents first."""
        return self._nodes(self._wanted())

    def _wanted(self) -> tuple[Layer, ...]:
        return self.goals() if self.wanted is None else self.wanted

    def goals(self) -> tuple[Layer, ...]:
        """What is made when nobody says what."""
        return self.inputs.goals()

    def _nodes(self, wanted: Iterable[Layer]) -> Mapping[Layer, Node]:
        asked = tuple(wanted)
        nodes: dict[Layer, Node] = {}
        for name in self.inputs.graph.closure(layer.image for layer in asked):
            image = self.spec.images[name]
            found = self.inputs.image(name)
            kept = dict.fromkeys(stage for stage in found.stages if stage in image.push_stages)
            kept.update((each.stage, None) for each in asked if each.image == name and each.stage)
            for stage in (*(s for s in found.stages if s in kept), None):
                layer = Layer(name, stage)
                nodes[layer] = Node(
                    layer,
                    self.inputs.key(layer),
                    self.inputs.parents(layer),
                    found.problem or self._no_registry(layer),
                    self.builder(layer),
                )
        return nodes

    @cached_property
    def _seen(self) -> Seen:
        """Where the wanted layers are, and what those to be built need."""
        seen = Seen()
        wanted = self._wanted()
        look(self, seen, wanted, plain_names(self, wanted))
        return seen

    def want(self, layers: Iterable[Layer]) -> None:
        """Make a plan for these from now on; one that was made for others is forgotten."""
        self.wanted = tuple(layers)
        for name in ("nodes", "_seen", "plan", "_handed_over"):
            vars(self).pop(name, None)

    def distrust(self, broken: Mapping[Layer, Broken]) -> None:
        """Note what is in the registry in part only, whoever found that out."""
        self._seen.broken.update(broken)

    def without(self, layer: Layer) -> Plan:
        """The plan for one layer, now that the registry turned out not to have all of it."""
        with self._looking:
            seen = self._seen
            digest = seen.registry.pop(layer)
            seen.broken[layer] = Broken(digest, (digest,))
            look(self, seen, self.nodes[layer].parents, None)
            nodes = [node for node in self.nodes.values() if node.layer in seen.asked]
            return make_plan(nodes, seen.presence(), [layer], {})

    def stored(self, layer: Layer, digest: Digest) -> None:
        """Note that the registry has a layer now, whole."""
        self._seen.registry[layer] = digest
        self._seen.broken.pop(layer, None)

    def holds(self, layer: Layer, digest: Digest) -> None:
        """Note that the engine has a layer now, or has it as another image than before."""
        self._seen.engine[layer] = digest

    @property
    def presence(self) -> Presence:
        """Where the layers are."""
        return self._seen.presence()

    @cached_property
    def plan(self) -> Plan:
        """What has to be done; made once a run.  Saves the stat cache on the way."""
        seen = self._seen
        nodes = [node for node in self.nodes.values() if node.layer in seen.asked]
        causes = {
            node.layer: self._causes(node, seen.earlier.get(node.layer, ""))
            for node in nodes
            if node.layer not in seen.engine
        }
        plan = make_plan(nodes, seen.presence(), self._wanted(), causes, there=self.remain)
        self._remember(node for node in nodes if node.layer in seen.engine)
        self.cache.save()
        return plan

    def _causes(self, node: Node, earlier: str) -> tuple[str, ...]:
        """What changed since the image that the plain name points at, in words."""
        if not earlier:
            return ()
        try:
            old = self.state.recall(Key.parse(earlier))
        except BadKey:
            return ()
        if old is None:
            return (f"inputs changed since {earlier}",)
        found = why(old, self.record(node.layer))
        return tuple(dict.fromkeys(change.text() for change in found))

    def record(self, layer: Layer) -> Record:
        """What a layer is made from now, as it is kept."""
        return self.inputs.image(layer.image).record(layer.stage)

    def recall(self, key: str) -> Record | None:
        """What a key was made from, or is made from now; None when nobody here knows."""
        try:
            found = self.state.recall(Key.parse(key))
        except BadKey:
            return None
        if found is None:
            for name in self.inputs.graph.order:
                if str(self.inputs.image(name).own.key()) == key:
                    return self.record(Layer(name))
        return found

    def _remember(self, nodes: Iterable[Node]) -> None:
        """Keep what is behind images that are there, where that was lost or never here."""
        for node in nodes:
            if not self.state.remembers(node.key):
                with contextlib.suppress(OSError):  # a checkout that cannot be written to
                    self.state.remember(node.key, self.record(node.layer))

    def look(self) -> Plan:
        """The plan for whoever only looks: without an engine all is unknown, and no error."""
        try:
            return self.plan
        except EngineDown as error:
            self.tell(Warned(str(error)))
            return make_plan(self.nodes.values(), Presence(), self._wanted(), {})


__all__ = ["Project", "endpoint", "find_root", "machine_platform"]
