"""Assembling: brings a layer into the registry without the engine, upon a base that is there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hashes.dockerfile.arguments import platform
from layers.assemble.image import Assembled, assemble
from layers.assemble.listing import BadListing, Listing
from layers.assemble.obstacle import Obstacle
from layers.assemble.recipe import EMPTY, Recipe, Trunk
from layers.assemble.tarballs import apply
from layers.build.parents import pinned
from layers.build.push.local import other_key
from layers.build.push.push import arrived, contested, there
from layers.graph.graph import Layer
from layers.oci.artifact import MANIFEST_TYPE
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.plan.tails import Tail, tail_of
from layers.registry import referrers
from layers.registry.registry import Manifest, RegistryError
from layers.runtime.events import Output, Transfer, Warned


class Place(NamedTuple):
    """Where a base is."""

    repository: str
    digest: Digest
    ours: bool
    """Whether we may write there."""


class Ready(NamedTuple):
    """A layer that was assembled: what the registry is still to be told."""

    remote: str
    base: Place | None
    image: Assembled


def assembled(run: Session, step: Step) -> Ready | Obstacle:
    """Put a layer together from its base's manifest and listing, and from its files.

    Nothing is sent but a listing that was missing.  Raises RegistryError, TagMoved, and LayersError
    for what BuildKit would refuse, too.
    """
    remote = step.names.remote
    assert remote is not None
    tail = tail_of(run.project.inputs, step.layer)
    if tail.obstacle:
        return Obstacle(0, "", tail.obstacle)
    place = _place(run, step, tail)
    if isinstance(place, Obstacle):
        return place
    trunk = _trunk(run, step, tail, place) if place is not None else EMPTY
    if isinstance(trunk, Obstacle):
        return trunk
    image = run.project.spec.images[step.layer.image]
    inputs = run.project.inputs
    labels = {
        LABEL_KEY: str(step.key),
        LABEL_LAYER: str(step.layer),
        LABEL_PROJECT: run.project.spec.project,
    }
    recipe = Recipe(
        inputs.dockerfile(image),
        tail.division,
        image.args,
        platform(run.project.spec.platform_of(image.name)),
        step.layer.stage or image.target,
        labels,
        platform(run.project.spec.machine),
    )
    contexts = inputs.contexts.again()
    found = assemble(trunk, recipe, contexts.sources(image, contexts.required(image)))
    return found if isinstance(found, Obstacle) else Ready(remote, place, found)


def send(run: Session, step: Step, ready: Ready) -> Digest:
    """Bring what was assembled into the registry, and point the key at it once and for all.

    Somebody quicker wins, and is adopted.  Raises RegistryError, TagMoved.
    """
    registry, remote, image = run.backends.registry, ready.remote, ready.image
    if ready.base is not None:
        _copy(run, step, ready.base)
    for each in image.layers:
        registry.upload(remote, each.digest, each.size, each.parts)
    registry.put_blob(remote, image.configuration)

    def put() -> tuple[Digest, Digest]:
        tag = step.names.tag
        try:
            digest = registry.put_manifest(remote, tag, image.manifest, MANIFEST_TYPE)
        except RegistryError:
            theirs = there(run, step, remote)  # a registry whose tags never move
            if theirs is None:
                raise
            return theirs, theirs
        return digest, arrived(run, remote, tag)

    with run.project.state.lock(f"push-{step.layer}@{step.key}"):
        theirs = there(run, step, remote)
        return theirs if theirs is not None else contested(run, step, remote, put).digest


def _place(run: Session, step: Step, tail: Tail) -> Place | Obstacle | None:
    """Where the base is; None: it is empty."""
    if tail.parent is not None:
        repository = run.planner.names_now(tail.parent).remote
        digest = run.planner.presence.registry.get(tail.parent)
        if repository is None or digest is None:
            return Obstacle(0, "", f"{tail.parent} is not in the registry")
        return Place(repository, digest, ours=True)
    if tail.edge is None:
        return None
    upstream = pinned(run, tail.edge, step.layer.image)
    if upstream is None or "@" not in upstream:
        return Obstacle(0, "", f"{tail.edge.text} is not pinned, and could not be resolved")
    reference = Reference.parse(upstream)
    mirror = run.backends.mirror()
    ours = mirror is not None and reference.name.startswith(f"{mirror.host}/{mirror.project}/")
    return Place(reference.name, Digest.parse(upstream.rpartition("@")[2]), ours)


def _trunk(run: Session, step: Step, tail: Tail, place: Place) -> Trunk | Obstacle:
    registry = run.backends.registry
    manifest = registry.manifest(place.repository, place.digest.text)
    if manifest is None:
        return Obstacle(0, "", f"the registry does not have {place.repository}@{place.digest}")
    if "layers" not in manifest.content:
        return Obstacle(0, "", f"{place.repository}@{place.digest} is for several platforms")
    about = Digest.parse(manifest.content["config"]["digest"])
    configuration = json.loads(registry.blob(place.repository, about))
    if tail.parent is not None:
        _check_label(run, tail.parent, place, configuration)
    listing = _listing(run, step, place, manifest)
    return Trunk(configuration, tuple(manifest.content["layers"]), listing)


def _check_label(
    run: Session, parent: Layer, place: Place, configuration: Mapping[str, Any]
) -> None:
    """As a pull does it; this image is not pulled."""
    key = str(run.project.inputs.key(parent))
    found = ((configuration.get("config") or {}).get("Labels") or {}).get(LABEL_KEY)
    if found != key:
        raise other_key(str(parent), f"{place.repository}@{place.digest}", found, key)


def _listing(run: Session, step: Step, place: Place, manifest: Manifest) -> Listing:
    """What is at each path of a base: as somebody left it there, else from its layers, once."""
    registry, image = run.backends.registry, place.digest.text
    remote = step.names.remote
    assert remote is not None
    home = place.repository if place.ours else remote
    for data in referrers.fetch(registry, home, place.digest, referrers.LISTING):
        try:
            return Listing.from_bytes(data, image)
        except BadListing as error:
            run.tell(Warned(f"a listing of {home}@{image} was not used: {error}", str(step.layer)))
    run.tell(Output(str(step.layer), f"listing what is in {place.repository}, once"))
    if not place.ours:
        _copy(run, step, place)
    found = Listing()
    for each in manifest.content["layers"]:
        apply(found, registry.parts(home, Digest.parse(each["digest"]), int(each["size"])))
    try:
        data = found.to_bytes(image)
        referrers.attach(registry, home, place.digest, referrers.LISTING, data, {})
    except RegistryError as error:
        said = f"the listing of {home} was not stored, and has to be read again: {error}"
        run.tell(Warned(said, str(step.layer)))
    return found


def _copy(run: Session, step: Step, place: Place) -> None:
    """See to it that the layer's own repository has all of its base; mounted where that can be."""
    assert step.names.remote is not None
    layer = str(step.layer)
    run.backends.registry.copy(
        place.repository,
        place.digest,
        step.names.remote,
        lambda done, total: run.tell(Transfer(layer, done, total)),
    )
