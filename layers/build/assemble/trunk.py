"""Trunks: whoever builds an image leaves what its tail stands on, for an edit to be put upon.

A configuration and a manifest over filesystem layers that the registry has anyway, and a listing:
no layer is sent twice.
"""

from __future__ import annotations

from hashes.errors import LayersError
from layers.assemble.cut import Cut, Image, cut
from layers.assemble.listing import Listing
from layers.assemble.obstacle import MOST_READ, Obstacle
from layers.build.assemble import base
from layers.build.assemble.image import put_once
from layers.build.assemble.records import Reading
from layers.build.push.push import contested, there
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.assembling import trunk_names
from layers.plan.origins.ways import ways
from layers.plan.origins.whole import stood_upon
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.plan.tails import Tail, Trunk, trunk_of
from layers.registry.layer_records import Shelf
from layers.runtime.events import Output, Warned


def leave_trunk(run: Session, step: Step, digest: Digest) -> None:
    """Publish the trunk of a layer that is in the registry as ``digest``, if it is not there.

    What stands in the way is told: the layer is true without it.
    """
    layer, asked = str(step.layer), run.project.spec.images[step.layer.image].assemble
    try:
        told = _left(run, step, digest)
    except LayersError as error:
        said = f"the next edit waits for the base, since {error}"
        run.tell(Warned(said, layer) if asked else Output(layer, said))
        return
    if told and asked:
        run.tell(Output(layer, f"the next edit waits for the base, since {told}"))


def leave_listing(run: Session, step: Step, digest: Digest) -> None:
    """List a layer that is in the registry as ``digest``, where others are put upon it as it is.

    Else the first of them would read it, on a machine that has nothing of it.
    """
    if step.names.remote is None or step.layer not in stood_upon(run.project.inputs):
        return
    asked = step.layer in stood_upon(run.project.inputs, asked=True)
    place = base.Place(step.names.remote, digest, True, step.key, step.names.prefix)
    try:
        found = base.known(run, place)
        if not isinstance(found, Obstacle):
            base.listing(run, step, place, found, None if asked else MOST_READ)
    except LayersError as error:
        said, layer = f"it is not listed for those that stand on it: {error}", str(step.layer)
        run.tell(Warned(said, layer) if asked else Output(layer, said))


def _left(run: Session, step: Step, digest: Digest) -> str:
    """What stands in the way beside its Dockerfile; "": nothing.  Raises LayersError."""
    told = ""
    for tail in ways(run.project.inputs, step.layer):
        if not told and not tail.obstacle and step.names.remote is not None:
            told = _one_left(run, step, digest, tail, step.names.remote)
    return told


def _one_left(run: Session, step: Step, digest: Digest, tail: Tail, remote: str) -> str:
    """The same for one of its trunks."""
    if not tail.inside:
        return _listed(run, step, tail)
    trunk = trunk_of(run.project.inputs, step.layer, tail)
    key = trunk.manifest.key()
    names = trunk_names(step.names, key)
    own = step._replace(layer=trunk.layer, key=key, names=names)
    if there(run, own, remote) is not None:
        return ""
    below = _base(run, step, tail)
    if isinstance(below, Obstacle):
        return str(below)
    image = base.known(run, base.Place(remote, digest, True, step.key))
    if isinstance(image, Obstacle):
        return str(image)
    found = cut(
        Image(image.layers, image.configuration),
        Image((), {}) if below is None else Image(below[1].layers, below[1].configuration),
        base.recipe(run, step, tail),
        base.labels(run, str(key), str(Layer(step.layer.image, "+trunk"))),
    )
    if isinstance(found, Obstacle):
        return str(found)
    most, first = base.limit(run, step), len(found.layers) - found.own
    shelf = Shelf(remote, step.names.prefix)
    reading = Reading(run, step, remote, shelf, found.layers[first:])
    obstacle = base.too_large(reading.lacking(), most, remote)
    if obstacle is not None:
        return str(obstacle)
    beneath = Listing() if below is None else base.listing(run, step, *below, most)
    if isinstance(beneath, Obstacle):
        return str(beneath)
    listing = beneath.copy()
    reading.put(listing, first)
    _put(run, own, remote, found, trunk, listing)
    return ""


def _listed(run: Session, step: Step, tail: Tail) -> str:
    """See to it that the base of a layer is listed, where all of its steps are its tail."""
    below = _base(run, step, tail)
    if below is not None and not isinstance(below, Obstacle):
        found = base.listing(run, step, *below, base.limit(run, step))
        return str(found) if isinstance(found, Obstacle) else ""
    return str(below) if isinstance(below, Obstacle) else ""


def _base(run: Session, step: Step, tail: Tail) -> tuple[base.Place, base.Known] | Obstacle | None:
    """The image with which the layer's first stage begins; None: that is empty."""
    place = base.base_place(run, step, tail)
    if place is None or isinstance(place, Obstacle):
        return place
    found = base.known(run, place)
    return found if isinstance(found, Obstacle) else (place, found)


def _put(run: Session, own: Step, remote: str, found: Cut, trunk: Trunk, listing: Listing) -> None:
    """Bring it there under its key; the listing goes along."""
    registry = run.backends.registry
    registry.put_blob(remote, found.configuration)

    def put() -> tuple[Digest, Digest]:
        return put_once(run, own, remote, found.manifest)

    inputs = run.project.inputs.image(own.layer.image)
    with run.project.state.lock(f"push-{own.layer}@{own.key}"):
        record = inputs.home.record(trunk.manifest, inputs.stages)
        done = contested(run, own, remote, put, record=record)
    if done.pushed:
        base.leave(run, own, remote, done.digest, listing)
