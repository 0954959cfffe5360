"""Inputs: what every image's key covers, computed lazily, each build context walked once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from hashes.dockerfile.parser import Dockerfile
from hashes.dockerfile.reachable import Reached, reach
from hashes.errors import ContextError, LayersError
from hashes.key import Key
from hashes.stage import UNPINNED, External, Request, layers
from layers.config.spec import Image, Spec
from layers.graph.checkout import Checkout
from layers.graph.contexts import Contexts
from layers.graph.dockerfiles import Dockerfiles, Reads, unknown
from layers.graph.edges import Wiring, onbuild_of
from layers.graph.faults import ParentUnknown, unreadable
from layers.graph.frontier import Frontier, frontier
from layers.graph.graph import Edge, Graph, Layer, make_graph
from layers.graph.image_inputs import ImageInputs
from layers.graph.recipe import Recipe
from layers.graph.record import Home
from layers.graph.required import lacking
from layers.graph.stages import called, check_late, check_platforms, knows_target, lends_args
from layers.lock.epochs import place
from layers.lock.lock import Lock
from layers.runtime.collector import paused

T = TypeVar("T")


class Inputs:
    """All images of a project as keys; nothing is read before it is asked for."""

    def __init__(
        self,
        root: str,
        spec: Spec,
        lock: Lock,
        contexts: Contexts,
        frontend: Reads = unknown,
    ) -> None:
        """``frontend``: see `Dockerfiles`."""
        self.root = root
        self.dockerfiles = Dockerfiles(root, frontend)
        self.spec = spec
        self.lock = lock
        self.wiring = Wiring(spec, lock, self.dockerfile)
        self.contexts = contexts
        self.checkout = Checkout(root)
        self._reached: dict[str, tuple[Reached, ...]] = {}
        self._images: dict[str, ImageInputs | LayersError] = {}
        self._graph: Graph | None = None
        self._rereading = threading.Lock()

    @property
    def graph(self) -> Graph:
        """The images and their edges; what is wrong with one image is a fault of that image."""
        if self._graph is None:
            edges: dict[str, tuple[Edge, ...]] = {}
            faults: dict[str, LayersError] = {}
            for name, image in self.spec.images.items():
                found = self._guarded(self.wiring.edges, image)
                edges[name] = () if isinstance(found, LayersError) else found
                if error := image.fault or (found if isinstance(found, LayersError) else None):
                    faults[name] = error
            self._graph = make_graph(edges, faults, file=self.spec.path)
        return self._graph

    def _guarded(self, read: Callable[[Image], T], image: Image) -> T | LayersError:
        """What a reading gives, or why it gives nothing."""
        try:
            return read(image)
        except ContextError as error:
            return self.checkout.explained(error, image)
        except LayersError as error:
            return error
        except OSError as error:
            return unreadable(error, self.root)

    def dockerfile(self, image: Image) -> Dockerfile:
        """An image's Dockerfile, parsed once.  Raises DockerfileError."""
        return self.dockerfiles.read(image)

    def image(self, name: str) -> ImageInputs:
        """What an image is made from.  Raises its fault, a LayersError, where it has one."""
        found = self._known(name)
        if isinstance(found, LayersError):
            raise found
        return found

    def fault(self, name: str) -> LayersError | None:
        """Why nobody can tell what an image is made from; None: it can be told."""
        found = self._known(name)
        return found if isinstance(found, LayersError) else None

    def _known(self, name: str) -> ImageInputs | LayersError:
        """What is known of an image; its parents are computed first, each once."""
        if name not in self._images:
            with paused():
                for each in self.graph.closure([name]):
                    if each not in self._images:
                        self._images[each] = self._read(each)
        return self._images[name]

    def _read(self, name: str) -> ImageInputs | LayersError:
        if name in self.graph.faults:
            return self.graph.faults[name]
        below = {each: self._images[each] for each in self.graph.parents(name)}
        wrong = {each: found for each, found in below.items() if isinstance(found, LayersError)}
        if wrong:
            return ParentUnknown(name, wrong, next(iter(wrong.values())))
        edges = self.graph.edges[name]
        return self._guarded(
            lambda image: self._compute(image, self.contexts, edges), self.spec.images[name]
        )

    def reread(self, name: str) -> ImageInputs:
        """The same, read from the disk again: to see whether anything moved meanwhile."""
        image = self.spec.images[name]
        with self._rereading:  # several layers may be built at once; the stat cache is one
            self.dockerfiles.forget(image)
            return self._compute(image, self.contexts.again(), self.wiring.edges(image))

    def key(self, layer: Layer) -> Key:
        """The key of an image or of one of its named stages."""
        return self.image(layer.image).key(layer.stage)

    # -- stages ------------------------------------------------------------------------------

    def reached(self, name: str) -> tuple[Reached, ...]:
        """The stages that an image's target needs, the target last."""
        if name not in self._reached:
            image = self.spec.images[name]
            self._reached[name] = reach(
                self.dockerfile(image),
                image.target,
                image.args,
                self.spec.platform_of(name),
                self.spec.machine,
                triggers=self.wiring.triggers(image),
                contexts=(*image.contexts, *image.git),
            )
        return self._reached[name]

    def named_stages(self, name: str) -> tuple[str, ...]:
        """Named stages below the target, in the order of the file; parents come first."""
        image = self.spec.images[name]
        if image.rootfs is not None:
            return ()
        stages = self.dockerfile(image).stages
        names = called(stages)
        found = [names[each.index] for each in self.reached(name)[:-1]]
        return tuple(stage for stage in found if stage)

    def frontier(self, layer: Layer) -> Frontier:
        """What a build of ``layer`` starts from; kept stages below it are taken as images."""
        image = self.spec.images[layer.image]
        if image.rootfs is not None:
            return Frontier()
        stages = self.dockerfile(image).stages
        reached = self.reached(layer.image)
        names = called(stages)
        if layer.stage is not None:
            reached = reached[: [names[each.index] for each in reached].index(layer.stage) + 1]
        kept = {
            each.index: names[each.index]
            for each in reached[:-1]
            if names[each.index] in image.push_stages
            and not lends_args(each, reached, stages)
            and not knows_target(each, reached, stages)
        }
        return frontier(reached, stages, kept, self.graph.edges[layer.image])

    def unknown_triggers(self, name: str) -> tuple[Edge, ...]:
        """The upstreams that an image begins with whose ONBUILD triggers are not known."""
        lock = self.wiring.lock_for(self.spec.images[name])
        return tuple(
            edge
            for edge in self.graph.edges[name]
            if edge.kind == "from"
            and edge.upstream is not None
            and "@" in edge.upstream
            and lock.find(edge.upstream, edge.platform or self.spec.platform_of(name)) is None
        )

    def parents(self, layer: Layer) -> tuple[Layer, ...]:
        """The layers that a build of ``layer`` starts from, each once."""
        starts = self.frontier(layer)
        found = [Layer(layer.image, stage) for stage in starts.stages]
        found += [Layer(edge.image) for edge in starts.edges if edge.image]
        return tuple(dict.fromkeys(found))

    def goals(self) -> tuple[Layer, ...]:
        """What is made when nobody says what: all images but system bases, which stand in for
        upstreams and are made only where something is built on them.
        """
        return tuple(
            Layer(name) for name in self.graph.order if self.spec.images[name].rootfs is None
        )

    # -- manifests ---------------------------------------------------------------------------

    def epoch(self, name: str) -> int:
        """How often an image was refreshed, as its key has it; 0: never."""
        base = self.lock.base(name, place(self.spec.platform_of(name), self.spec.profile))
        return base.now.number if base is not None else 0

    def recipe(self, name: str) -> Recipe:
        """What a system base is made from."""
        rootfs = self.spec.images[name].rootfs
        assert rootfs is not None
        return Recipe(
            suite=rootfs.suite,
            packages=rootfs.packages,
            variant=rootfs.variant,
            env=rootfs.env,
            architecture=self.spec.platform_of(name).partition("/")[2],
            ca=self.contexts.host_ca(),
        )

    def _compute(self, image: Image, contexts: Contexts, edges: Sequence[Edge]) -> ImageInputs:
        if image.rootfs is not None:
            recipe = self.recipe(image.name)
            own = recipe.manifest(self.epoch(image.name), self.spec.hash)
            home, env = self._home(image), recipe.whole_env
            return ImageInputs("", own, {}, {}, env, home=home, keys={None: own.key()})
        for name, at in image.contexts.items():
            if ours := contexts.ours_sent(at):
                raise LayersError(
                    f"{image.name}: the named context {name!r} holds {ours}, and would send it",
                    file=self.spec.path,
                    line=self.spec.line(image.name, "contexts", name),
                    hint=f"put /{ours} into {os.path.normpath(f'{at}/.dockerignore')}",
                )
        check_late(image, self.dockerfile(image), self.reached(image.name) if image.late else ())
        check_platforms(self.spec, image.name, edges, lambda name: self.reached(name)[-1])
        by_text = {edge.text: edge for edge in edges}
        lock, required = self.wiring.lock_for(image), contexts.required(image)
        request = Request(
            dockerfile=self.dockerfile(image),
            args=image.args,
            platform=self.spec.platform_of(image.name),
            build_platform=self.spec.machine,
            network="" if image.network == "default" else image.network,
            add_hosts=image.sandbox.add_hosts,
            shm_size=str(image.sandbox.shm_size or ""),
            ulimits=image.sandbox.ulimits,
            cgroup_parent=image.sandbox.cgroup_parent,
            contexts=contexts.named(image, lock),
            commit=lock.commit,
            algorithm=self.spec.hash,
            served=contexts.served(image.packages) if image.packages is not None else (),
            epoch=self.epoch(image.name),
            beginnings=image.may_assemble,
        )
        found = layers(
            request,
            contexts.sources(image, required),
            lambda text, platform: self._external(by_text[text], platform, lock),
            image.target,
        )
        *below, target = found.values()
        names = called(request.dockerfile.stages)
        return ImageInputs(
            target.name,
            target.manifest,
            {names[each.index]: each.manifest for each in below if names[each.index]},
            {f"stage {each.index}": each.manifest for each in below if not names[each.index]},
            target.env,
            target.onbuild,
            lacking(self.root, self.spec, image, required.problem),
            self._home(image),
            {each.index: each.beginnings for each in found.values()},
            {names[each.index]: each.key for each in below} | {None: target.key},
        )

    def _home(self, image: Image) -> Home:
        return Home(self.root, image, self.spec.profile)

    def _external(self, edge: Edge, platform: str, lock: Lock) -> External:
        """What a name outside a Dockerfile stands for: a key, a digest, or nothing that holds."""
        if edge.image is not None:
            parent = self.image(edge.image)
            return External(f"key {self.key(Layer(edge.image))}", parent.env, parent.onbuild)
        assert edge.upstream is not None
        pin = lock.find(edge.upstream, platform)
        if "@" in edge.upstream:
            digest = edge.upstream.rpartition("@")[2]
        elif pin is None:
            return External(f"{UNPINNED}{edge.upstream}")
        else:
            digest = str(pin.digest)
        onbuild = onbuild_of(edge.upstream, pin)
        return External(f"digest {digest}", pin.env if pin is not None else None, onbuild)
