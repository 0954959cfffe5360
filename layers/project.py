"""A project: everything that a run knows, each part made when it is first asked for."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property

from hashes.errors import LayersError
from hashes.key import BadKey, Key
from hashes.statcache import StatCache
from layers.ahead import Ahead
from layers.contexts import Contexts
from layers.digest import Digest
from layers.engine import Engine, EngineDown, LocalImage
from layers.events import Event, Listener, Warned, silent
from layers.explain import Record, why
from layers.graph import Edge, Layer
from layers.history import History
from layers.inputs import Inputs
from layers.lock import Lock
from layers.names import Names, names, plain_name
from layers.plan import Node, Plan, Presence, make_plan
from layers.presence import Seen, look_in_engine, look_in_registry
from layers.registry import Registry, RegistryError
from layers.setup.choose import Endpoint, endpoint, ensure
from layers.setup.places import Places
from layers.spec import Spec, load
from layers.state import State

SPEC_FILE = "images.toml"
LOCK_FILE = "images.lock"


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
        self._resolved: dict[tuple[str, str], str | None] = {}
        self._resolving = threading.Lock()

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
        from layers.dockerapi import DockerEngine

        found = self.endpoint
        return DockerEngine(found.host, found.environment)

    @cached_property
    def registry(self) -> Registry:
        """The client for every registry."""
        from layers.credentials import DockerCredentials
        from layers.httpregistry import HttpRegistry

        return HttpRegistry(
            DockerCredentials({**os.environ, **self.endpoint.environment}),
            insecure=lambda _host: False,
        )

    @cached_property
    def registry_host(self) -> str | None:
        """Where our images go, ``host[:port][/path]``; None: nowhere."""
        if self.spec.registry == "engine":
            return self.endpoint.registry
        return self.spec.registry

    def names(self, layer: Layer, key: Key) -> Names:
        """Under which references a layer at a key is found."""
        return names(self.spec, self.registry_host, layer, key)

    def pushes(self, layer: Layer) -> bool:
        """True when a layer goes to the registry under its key."""
        image = self.spec.images[layer.image]
        return image.push if layer.stage is None else layer.stage in image.push_stages

    def pinned(self, edge: Edge) -> str | None:
        """The upstream behind an edge by digest, the same for the whole run.

        None: the lock does not have it, and no registry could be asked; BuildKit may have it.
        """
        assert edge.upstream is not None
        if "@" in edge.upstream:
            return edge.upstream
        platform = edge.platform or self.spec.platform
        pin = self.lock.find(edge.upstream, platform)
        if pin is not None:
            return pin.reference
        with self._resolving:
            asked = (edge.upstream, platform)
            if asked not in self._resolved:
                self._resolved[asked] = self._resolve(*asked)
            return self._resolved[asked]

    def _resolve(self, upstream: str, platform: str) -> str | None:
        from layers.locking import Wanted, resolve_all

        try:
            (pin,) = resolve_all(self.registry, [Wanted(upstream, platform)])
        except RegistryError as error:
            self.tell(Warned(f"{upstream} was not resolved: {error}"))
            return None
        return pin.reference

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
                    found.problem,
                )
        return nodes

    @cached_property
    def _seen(self) -> Seen:
        """Where the wanted layers are, and then, level by level, what those to be built need.

        Most runs end with the first level: nobody asks about what is below an image that is there.
        """
        seen = Seen()
        level = list(dict.fromkeys(self._wanted()))
        ahead = self._plain_names(level)
        while level:
            nodes = [self.nodes[layer] for layer in level]
            where = {node.layer: self.names(node.layer, node.key) for node in nodes}
            look_in_engine(self.engine, nodes, where, seen, ahead.answer())
            asked = [node for node in nodes if self.pushes(node.layer)]
            look_in_registry(lambda: self.registry, asked, where, seen, self.tell)
            below = [parent for node in nodes if seen.lacks(node.layer) for parent in node.parents]
            level = [layer for layer in dict.fromkeys(below) if layer not in seen.asked]
        return seen

    def _plain_names(self, layers: Iterable[Layer]) -> Ahead[Mapping[str, LocalImage]]:
        """What the plain names point at, asked for while the keys are computed.

        An engine that is not up yet is not started for that: a mistake in a file is told first.
        """
        asked = [plain_name(self.spec, layer) for layer in layers]
        nothing: Mapping[str, LocalImage] = {}
        try:
            self.__dict__.setdefault("endpoint", endpoint(self.root))
        except LayersError:
            return Ahead(lambda: nothing, nothing)
        engine = self.engine
        return Ahead(lambda: engine.find(asked), nothing)

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
        plan = make_plan(nodes, seen.presence(), self._wanted(), causes)
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


def machine_platform() -> str:
    """This machine's platform as BuildKit writes it, e.g. ``linux/amd64``."""
    machine = os.uname().machine
    known = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
    return f"linux/{known.get(machine, machine)}"


def find_root(start: str) -> str:
    """The nearest folder at or above ``start`` that holds ``images.toml``, else ``start``."""
    folder = os.path.abspath(start)
    while True:
        if os.path.isfile(os.path.join(folder, SPEC_FILE)):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return os.path.abspath(start)
        folder = above


__all__ = ["Project", "endpoint", "find_root", "machine_platform"]
