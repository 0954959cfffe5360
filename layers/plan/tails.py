"""Tails: what of a layer comes after the last step that has to run, and on what it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from hashes.change import FILES
from hashes.dockerfile.reachable import Reached, Source, familiar
from hashes.manifest import Manifest
from layers.assemble.obstacle import Obstacle
from layers.assemble.trunk import Division, divisions, runs, step_name
from layers.graph.frontier import Start
from layers.graph.graph import Edge, Layer
from layers.graph.inputs import Inputs
from layers.graph.record import Record
from layers.graph.stages import called


class Tail(NamedTuple):
    """How a layer could be assembled."""

    division: Division
    parent: Layer | None = None
    """The layer of ours that its first stage is made from."""
    edge: Edge | None = None
    """Else the upstream; None for both: an empty base, or what nobody can name."""
    obstacle: str = ""
    """Why it has to be built; "": nothing in its Dockerfile says so."""

    @property
    def inside(self) -> bool:
        """Whether it stands on steps of its own line of stages, and not on its base."""
        return self.division.last is not None


class Trunk(NamedTuple):
    """The steps of a layer up to the last that has to run, as what the registry has of them."""

    layer: Layer
    """No stage has such a name; the same for the same steps."""
    manifest: Manifest


def tail_of(inputs: Inputs, layer: Layer) -> Tail:
    """The shortest tail of an image or of one of its named stages: it takes from no other."""
    return tails_of(inputs, layer)[0]


def tails_of(inputs: Inputs, layer: Layer) -> tuple[Tail, ...]:
    """The tails of an image or of one of its named stages, by its Dockerfile alone.

    The shortest first; see `divisions`.
    """
    stages = inputs.dockerfile(inputs.spec.images[layer.image]).stages
    names = dict(enumerate(called(stages)))
    reached = inputs.reached(layer.image)
    if layer.stage is not None:
        reached = reached[: [names[each.index] for each in reached].index(layer.stage) + 1]
    found = tails(layer, reached, names, inputs.frontier(layer).starts)
    base = familiar(found[0].division.base.text)
    if base in map(familiar, inputs.spec.images[layer.image].contexts):
        told = f"its base {base} is a named context"
        return tuple(Tail(each.division, obstacle=told) for each in found)
    return found


def trunk_of(inputs: Inputs, layer: Layer, found: Tail) -> Trunk:
    """What a layer's tail stands on where that is `Tail.inside`."""
    stage, first = found.division.tail[0]
    manifest = inputs.image(layer.image).beginnings[stage.index].manifest(first)
    return Trunk(Layer(layer.image, f"+{manifest.key()}"), manifest)


def in_the_way(old: Record, found: Tail, trunk: Manifest) -> str:
    """Which step a file that changed since then comes before; "": it is no such file.

    ``trunk`` is what the steps of a tail that is `Tail.inside` are made from.
    """
    before = {each[:3] for one in (old.own, *old.stages.values()) for each in one.entries}
    for entry in trunk.entries:
        if entry.kind in FILES and entry[:3] not in before:
            step = _first_after(found.division, entry.line)
            if step is not None:
                return (
                    f"{step.step} in line {step.line} comes after COPY of {entry.name}:"
                    " everything from there needs the base"
                )
    return ""


def _first_after(division: Division, line: int) -> Obstacle | None:
    """The first step after a line of the Dockerfile that has to run."""
    for stage in division.line:
        for item in stage.instructions:
            if item.line > line and (reason := runs(item)):
                return Obstacle(item.line, step_name(item), reason)
    return None


def _only_whole(division: Division) -> bool:
    """Whether nothing comes after the last step that runs, or nobody can tell what does."""
    end, first = division.tail[0]
    upto = division.line[: [each.index for each in division.line].index(end.index)]
    before = [item for stage in upto for item in stage.instructions] + [*end.instructions[:first]]
    after = sum(len(part.stage.instructions) - part.first for part in division.tail)
    return not after or first < end.triggers or any(item.raw for item in before)


def tails(
    layer: Layer, reached: tuple[Reached, ...], names: Mapping[int, str], starts: tuple[Start, ...]
) -> tuple[Tail, ...]:
    """The tails of a layer, the last of ``reached``.

    ``names`` are those of stages, by index; ``starts`` is where a build of it begins, so that a
    kept stage is the base of the one that is made from it.
    """
    kept = {
        start.stage for start in starts if start.stage is not None and start.use.keyword == "FROM"
    }
    stages = tuple(_on_image(stage, names, kept) for stage in reached)
    return tuple(_tail(each, layer, reached, names, starts) for each in divisions(stages))


def _tail(
    division: Division,
    layer: Layer,
    reached: tuple[Reached, ...],
    names: Mapping[int, str],
    starts: tuple[Start, ...],
) -> Tail:
    base = division.base.text
    if division.last is not None and _only_whole(division):
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
