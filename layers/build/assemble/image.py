"""Images without an engine: a layer put together upon its trunk, and sent to the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from layers.assemble.image import Assembled, assemble
from layers.assemble.layer import PART, NewLayer
from layers.assemble.obstacle import Obstacle
from layers.assemble.recipe import EMPTY
from layers.build.assemble.base import Place, copy, recipe, trunk, trunk_place
from layers.build.assemble.origins import Origins
from layers.build.push.push import arrived, contested, there
from layers.graph.graph import Layer
from layers.oci.artifact import MANIFEST_TYPE
from layers.oci.digest import Digest
from layers.plan.origins.ways import chosen, ways
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.history import Begun
from layers.registry.registry import RegistryError
from layers.runtime.events import Transfer

Parts = Callable[[], Iterator[bytes]]


class Ready(NamedTuple):
    """A layer that was assembled: what the registry is still to be told."""

    base: Place | None
    below: tuple[str, ...]
    """The digests of the filesystem layers on which it is put."""
    image: Assembled

    def moving(self, run: Session, step: Step) -> Iterator[tuple[NewLayer, Parts]]:
        """The new layers with their bytes, which are told as they are read."""
        layers = self.image.layers
        done, total = [0] * len(layers), sum(each.size for each in layers)

        def parts(number: int) -> Iterator[bytes]:
            done[number] = 0  # a second try reads from the start
            for part in layers[number].parts():
                yield part
                done[number] += len(part)
                if total > PART:
                    run.tell(Transfer(str(step.layer), sum(done), total))

        for number, each in enumerate(layers):
            yield each, partial(parts, number)


def assembled(run: Session, step: Step) -> Ready | Obstacle:
    """Put a layer together from its trunk's manifest and listing, and from its files.

    Nothing is sent but a listing that was missing.  Raises RegistryError, TagMoved, and LayersError
    for what BuildKit would refuse, too.
    """
    seen, inputs = run.planner.seen, run.project.inputs
    found = ways(inputs, step.layer)

    def has(layer: Layer) -> bool:
        return layer in seen.registry or (not step.push and layer in seen.engine)

    tail = chosen(inputs, step.layer, found, has, seen.blobs.get) or found[-1]
    if tail.obstacle:
        return Obstacle(0, "", tail.obstacle)
    place = trunk_place(run, step, tail)
    if isinstance(place, Obstacle):
        return place
    below = trunk(run, step, tail, place) if place is not None else EMPTY
    if isinstance(below, Obstacle):
        return below
    image = run.project.spec.images[step.layer.image]
    contexts = run.project.inputs.contexts.again()
    sources = contexts.sources(image, contexts.required(image))
    origins = Origins(run, step, sources)
    try:
        made = assemble(below, recipe(run, step, tail), sources, origins.of)
    finally:
        origins.close()
    if isinstance(made, Obstacle):
        return made
    return Ready(place, tuple(str(each["digest"]) for each in below.layers), made)


def send(run: Session, step: Step, ready: Ready, begun: Begun | None = None) -> Digest:
    """Bring what was assembled into the registry, and point the key at it once and for all.

    Its parts go there while the claim to the key has to stand.  Somebody quicker wins, and is
    adopted.  Raises RegistryError, TagMoved.
    """
    remote = step.names.remote
    assert remote is not None
    with ThreadPoolExecutor(1) as pool:
        parts = pool.submit(_send_parts, run, step, ready, remote)

        def put() -> tuple[Digest, Digest]:
            parts.result()
            return put_once(run, step, remote, ready.image.manifest)

        with run.project.state.lock(f"push-{step.layer}@{step.key}"):
            theirs = there(run, step, remote)
            if theirs is not None:
                return theirs
            return contested(run, step, remote, put, begun).digest


def _send_parts(run: Session, step: Step, ready: Ready, remote: str) -> None:
    registry = run.backends.registry
    if ready.base is not None and ready.base.repository != remote:
        copy(run, step, ready.base)
    for each, parts in ready.moving(run, step):
        registry.upload(remote, each.digest, each.size, parts)
    registry.put_blob(remote, ready.image.configuration)


def put_once(run: Session, step: Step, remote: str, manifest: bytes) -> tuple[Digest, Digest]:
    """Put a manifest under a step's key: the digest that was sent, and the one that is there."""
    tag = step.names.tag
    try:
        digest = run.backends.registry.put_manifest(remote, tag, manifest, MANIFEST_TYPE)
    except RegistryError:
        theirs = there(run, step, remote)  # a registry whose tags never move
        if theirs is None:
            raise
        return theirs, theirs
    return digest, arrived(run, remote, tag)
