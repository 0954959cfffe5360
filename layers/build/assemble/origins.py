"""Origins: what a tail takes from other stages and images, read from the registry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from hashes.context.sources import Sources
from hashes.dockerfile.reachable import Source
from layers.assemble.image import stage
from layers.assemble.obstacle import Blocked, Obstacle
from layers.assemble.origins.rootfs import Packed, Rootfs
from layers.assemble.origins.taken import Store
from layers.assemble.recipe import EMPTY, Trunk
from layers.build.assemble import base
from layers.build.parents import pinned
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.origins.ways import Origin, origin
from layers.plan.plan import Step
from layers.plan.session import Session

T = TypeVar("T")


class Origins:
    """Finds them for one layer; what was read is let go of by `close`."""

    def __init__(self, run: Session, step: Step, context: Sources) -> None:
        self._run, self._step, self._context = run, step, context
        self._store = Store()
        self._found: dict[tuple[Layer, Source], Rootfs] = {}

    def close(self) -> None:
        """Let go of all that was read."""
        self._store.close()

    def of(self, source: Source) -> Rootfs:
        """What is in a stage or image that the layer takes from.

        Raises Blocked where that is not known, RegistryError, TagMoved, BadTarball.
        """
        return self._of(self._step.layer, source)

    def _of(self, layer: Layer, source: Source) -> Rootfs:
        known = self._found.get((layer, source))
        if known is None:
            registry = self._run.planner.presence.registry
            place = origin(self._run.project.inputs, layer, source, registry.__contains__)
            if isinstance(place, str):
                raise Blocked(place)
            known = self._stage(place) if place.tail is not None else self._image(place, source)
            self._found[layer, source] = known
        return known

    def _image(self, found: Origin, source: Source) -> Rootfs:
        """An image or a kept stage as the registry has it."""
        place = self._place(found)
        image = _must(base.known(self._run, place))
        listing = base.read_ahead(self._run, self._step, place, image, self._store.spend)
        return Rootfs(source.text, listing, self._packed(place, image), self._store)

    def _place(self, found: Origin) -> base.Place:
        run = self._run
        if found.layer is None:
            assert found.edge is not None
            upstream = pinned(run, found.edge, self._step.layer.image)
            return _must(base.upstream_place(run, found.edge.text, upstream))
        names = run.planner.names_now(found.layer)
        digest = run.planner.presence.registry[found.layer]
        key = run.project.inputs.key(found.layer)
        return base.Place(str(names.remote), digest, True, key, names.prefix)

    def _stage(self, found: Origin) -> Rootfs:
        """A stage that is put together here, upon what the registry has of it."""
        run, own, tail = self._run, found.layer, found.tail
        assert own is not None
        assert tail is not None
        key, names = run.project.inputs.key(own), run.planner.names_now(own)
        step = self._step._replace(layer=own, key=key, names=names)
        place = _must(base.trunk_place(run, step, tail))
        trunk, packed = EMPTY, Packed()
        if place is not None:
            image = _must(base.known(run, place))
            listing = base.read_ahead(run, step, place, image, self._store.spend)
            trunk = Trunk(image.configuration, image.layers, listing, tail.inside)
            packed = self._packed(place, image)
        recipe = base.recipe(run, step, tail)
        if not found.kept:
            outer = run.project.spec.images[own.image].target
            recipe = replace(recipe, target=self._step.layer.stage or outer)
        return stage(
            str(own.stage),
            trunk,
            recipe,
            self._context,
            lambda source: self._of(own, source),
            packed,
            self._store,
        )

    def _packed(self, place: base.Place, image: base.Known) -> Packed:
        registry, layers = self._run.backends.registry, image.layers

        def read(number: int) -> Iterator[bytes]:
            digest, size = Digest.parse(layers[number]["digest"]), int(layers[number]["size"])
            return registry.parts(place.repository, digest, size)

        sizes = tuple(int(each["size"]) for each in layers)
        return Packed(sizes, tuple(str(each["digest"]) for each in layers), read)


def _must(found: T | Obstacle) -> T:
    if isinstance(found, Obstacle):
        raise Blocked(str(found))
    return found
