"""Whole projects: what all of a project's images are assembled upon."""

from __future__ import annotations

from hashes.key import Key
from layers.graph.graph import Layer
from layers.graph.inputs import Inputs
from layers.plan.origins.ways import Origin, everything, origin, ways
from layers.plan.tails import trunk_of


def _layers(inputs: Inputs, name: str) -> tuple[Layer, ...]:
    """An image that is to be assembled, and its kept stages."""
    image = inputs.spec.images[name]
    if not image.may_assemble:
        return ()
    kept = (stage for stage in inputs.named_stages(name) if stage in image.push_stages)
    return (Layer(name), *(Layer(name, stage) for stage in kept))


def stood_upon(inputs: Inputs, *, asked: bool = False) -> set[Layer]:
    """The layers of ours of which others need to know what is in them, as they are.

    ``asked``: only those on which an image stands that says ``assemble = true``.
    """
    found: set[Layer] = set()
    for name, image in inputs.spec.images.items():
        if asked and not image.assemble:
            continue
        for layer in () if inputs.fault(name) is not None else _layers(inputs, name):
            for tail in ways(inputs, layer):
                if tail.obstacle:
                    continue
                if tail.parent is not None and not tail.inside:
                    found.add(tail.parent)
                places = [
                    origin(inputs, layer, source, everything) for _, source in tail.division.copies
                ]
                found |= {
                    place.layer
                    for place in places
                    if isinstance(place, Origin) and place.layer is not None and place.tail is None
                }
    return found


def trunk_keys(inputs: Inputs, image: str) -> tuple[Key, ...]:
    """Those of the trunks of an image and of its kept stages, as far as they are their own."""
    return tuple(
        trunk_of(inputs, layer, tail).manifest.key()
        for layer in _layers(inputs, image)
        for tail in ways(inputs, layer)
        if tail.inside and not tail.obstacle
    )
