"""Origins: which tails a layer can have, by what is in the registry of all that they take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from hashes.dockerfile.reachable import Source, familiar
from layers.assemble.obstacle import MOST_READ, Obstacle
from layers.assemble.trunk import step_name
from layers.graph.graph import Edge, Layer
from layers.graph.inputs import Inputs
from layers.graph.stages import called
from layers.plan.tails import Tail, tails_of, trunk_of

Has = Callable[[Layer], bool]
"""Whether the registry has a layer of ours, or a trunk of one."""
Sizes = Callable[[Layer], Mapping[str, int] | None]
"""Bytes of each filesystem layer of one of ours as it is sent, by digest; None: not known."""


class Origin(NamedTuple):
    """Where the files are that a COPY takes from a stage or an image."""

    layer: Layer | None
    """An image or stage of ours; None: an upstream."""
    edge: Edge | None = None
    tail: Tail | None = None
    """Of a stage that is not in the registry itself, but what it stands on is; None: it is."""
    kept: bool = True
    """Whether it is an image of its own, and not a part of a build."""


def everything(_layer: Layer) -> bool:
    """What the registry would have, if all were there that is pushed."""
    return True


def ways(inputs: Inputs, layer: Layer) -> tuple[Tail, ...]:
    """The tails of a layer, the shortest first, each with what in its Dockerfile or in images.toml
    stands in the way.
    """
    found = []
    for tail in tails_of(inputs, layer):
        told = "" if tail.obstacle else "; ".join(_copies(inputs, layer, tail, everything))
        found.append(tail._replace(obstacle=told) if told else tail)
    return tuple(found)


def lacks(inputs: Inputs, layer: Layer, tail: Tail, has: Has, *, kept: bool = True) -> list[str]:
    """Why a layer cannot be put together with a tail; [] when all is known that it takes.

    ``kept``: it is an image of its own, so that its trunk may be in the registry.
    """
    if tail.obstacle:
        return [tail.obstacle]
    found = []
    last = tail.division.last
    if last is not None:
        where = f"{last.step} in line {last.line}"
        name = f"stage {layer.stage}" if layer.stage else layer.image
        if not kept:
            named = layer.stage in inputs.spec.images[layer.image].push_stages
            why = "no image of its own here" if named else "in no registry: add it to push_stages"
            found.append(f"{name} runs things ({where}) and is {why}")
        elif not has(trunk_of(inputs, layer, tail).layer):
            found.append(f"the steps of {name} up to {where} are not in the registry")
    elif tail.parent is not None and not has(tail.parent):
        found.append(f"{tail.parent} is not in the registry")
    return [*found, *_copies(inputs, layer, tail, has)]


def _copies(inputs: Inputs, layer: Layer, tail: Tail, has: Has) -> list[str]:
    """What stands in the way of the steps of a tail that take from elsewhere."""
    found = []
    for item, source in tail.division.copies:
        place = origin(inputs, layer, source, has)
        if isinstance(place, str):
            found.append(str(Obstacle(item.line, step_name(item), place)))
    return found


def origin(inputs: Inputs, layer: Layer, source: Source, has: Has) -> Origin | str:
    """Where the files are that a step of a layer takes; else why nobody knows them."""
    if source.stage is None:
        return _image(inputs, layer, source.text, has)
    stages = inputs.dockerfile(inputs.spec.images[layer.image]).stages
    name = called(stages)[source.stage]
    if not name:
        return f"it takes from the stage in line {stages[source.stage].line}, which has no name"
    own = Layer(layer.image, name)
    kept = name in inputs.frontier(layer).stages
    if kept and has(own):
        return Origin(own)
    told = ""
    for tail in tails_of(inputs, own):
        wrong = lacks(inputs, own, tail, has, kept=kept)
        if not wrong:
            return Origin(own, None, tail, kept)
        told = wrong[0]
    return told


def _image(inputs: Inputs, layer: Layer, text: str, has: Has) -> Origin | str:
    image = inputs.spec.images[layer.image]
    if familiar(text) in map(familiar, (*image.contexts, *image.git)):
        return f"it takes from the named context {text}"
    for edge in inputs.graph.edges[layer.image]:
        if edge.text != text or edge.kind != "copy":
            continue
        if edge.image is None:
            return Origin(None, edge)
        own = Layer(edge.image)
        spec = inputs.spec.images[edge.image]
        if not (spec.push or spec.builder):
            return f"it takes from {own}, which goes to no registry: push is not set for it"
        return Origin(own, edge) if has(own) else f"{own} is not in the registry"
    return f"it takes from {text}, which is no image"


def asked(inputs: Inputs, layer: Layer, tails: Sequence[Tail]) -> tuple[Layer, ...]:
    """All that a registry has to be asked for to know which of some tails a layer can have."""
    found: dict[Layer, None] = {}

    def has(each: Layer) -> bool:
        found[each] = None
        return False

    for tail in tails:
        lacks(inputs, layer, tail, has)
    return tuple(found)


def too_much(inputs: Inputs, layer: Layer, tail: Tail, has: Has, sizes: Sizes) -> str:
    """Why what a tail takes cannot be read, as far as sizes tell; "" where they tell nothing.

    One filesystem layer is read at least, so it is too much where none is small enough.
    """
    for item, source in tail.division.copies:
        place = origin(inputs, layer, source, has)
        if isinstance(place, str) or place.layer is None or place.tail is not None:
            continue
        least = min((sizes(place.layer) or {}).values(), default=0)
        if least > MOST_READ:
            told = f"{least >> 20} MiB of {place.layer} would have to be read at least, and no more"
            most = f"than {MOST_READ >> 20} MiB are"
            return str(Obstacle(item.line, step_name(item), f"{told} {most}"))
    return ""


def chosen(
    inputs: Inputs, layer: Layer, tails: Iterable[Tail], has: Has, sizes: Sizes
) -> Tail | None:
    """The first of some tails of which all is known and can be read; None where none is."""
    possible = (tail for tail in tails if not lacks(inputs, layer, tail, has))
    return next((tail for tail in possible if not too_much(inputs, layer, tail, has, sizes)), None)
