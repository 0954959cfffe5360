"""Tails: what of a layer comes after the last step that has to run, and on what it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from hashes.dockerfile.reachable import Reached, Source, familiar
from layers.assemble.trunk import Division, divide
from layers.graph.frontier import Start
from layers.graph.graph import Edge, Layer
from layers.graph.inputs import Inputs
from layers.graph.stages import called


class Tail(NamedTuple):
    """How a layer could be assembled."""

    division: Division
    parent: Layer | None = None
    """The layer of ours that it stands on."""
    edge: Edge | None = None
    """Else the upstream; None for both: an empty base, or what nobody can name."""
    obstacle: str = ""
    """Why it has to be built; "": nothing in its Dockerfile says so."""


def tail_of(inputs: Inputs, layer: Layer) -> Tail:
    """The tail of an image or of one of its named stages, by its Dockerfile alone."""
    stages = inputs.dockerfile(inputs.spec.images[layer.image]).stages
    names = dict(enumerate(called(stages)))
    reached = inputs.reached(layer.image)
    if layer.stage is not None:
        reached = reached[: [names[each.index] for each in reached].index(layer.stage) + 1]
    found = tail(layer, reached, names, inputs.frontier(layer).starts)
    base = familiar(found.division.base.text)
    if base in map(familiar, inputs.spec.images[layer.image].contexts):
        return Tail(found.division, obstacle=f"its base {base} is a named context")
    return found


def tail(
    layer: Layer, reached: tuple[Reached, ...], names: Mapping[int, str], starts: tuple[Start, ...]
) -> Tail:
    """The tail of a layer, the last of ``reached``.

    ``names`` are those of stages, by index; ``starts`` is where a build of it begins, so that a
    kept stage is the base of the one that is made from it.
    """
    kept = {
        start.stage for start in starts if start.stage is not None and start.use.keyword == "FROM"
    }
    stages = tuple(_on_image(stage, names, kept) for stage in reached)
    division = divide(stages)
    base = division.base.text
    if division.last is not None:
        return Tail(division, obstacle=str(division.last))
    first = division.line[0].index
    below = next((each.base.stage for each in reached if each.index == first), None)
    if below is not None:
        return Tail(division, Layer(layer.image, names[below]))
    if base == "scratch":
        return Tail(division)
    for start in starts:
        if start.use.keyword == "FROM" and start.use.text == base and start.edge is not None:
            own = start.edge.image
            return Tail(division, Layer(own) if own else None, None if own else start.edge)
    return Tail(division, obstacle=f"the base {base} is no image")


def _on_image(stage: Reached, names: Mapping[int, str], kept: set[str]) -> Reached:
    """A stage upon a kept one begins with that one's image."""
    below = stage.base.stage
    if below is None or names[below] not in kept:
        return stage
    return replace(stage, base=Source(None, names[below]))
