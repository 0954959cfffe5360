"""Look: finds out what there is to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hashes.dockerfile.reachable import Reached
from layers.graph.frontier import Frontier, frontier
from layers.graph.graph import Edge, Layer
from layers.graph.stages import called
from layers.picture.drawing import IDLE, LOOSE, PINNED, Arrow, Box, Drawing, Kind
from layers.plan.facts import Facts, facts_of
from layers.plan.plan import Plan, Step
from layers.plan.session import Session
from layers.project.project import Project


def wanted(project: Project, names: Sequence[str], everything: bool) -> list[Layer]:
    """The layers whose states a picture of these images shows; without names, of all images.

    ``everything`` is every stage and system base on the way, too.
    """
    goals = [Layer(name) for name in names] or list(project.goals())
    if not everything:
        return goals
    around = [layer.image for layer in goals] if names else project.inputs.graph.order
    return [
        each
        for image in project.inputs.graph.closure(around)
        for each in (*(Layer(image, stage) for stage in _stages(project, image)), Layer(image))
    ]


def drawing(
    run: Session, names: Sequence[str], everything: bool, plan: Plan | None = None
) -> Drawing:
    """The graph of these images, or of all, in the states of ``plan``, else of the run's."""
    project = run.project
    inputs = project.inputs
    around = list(names) or list(inputs.graph.order)
    if not names and not everything:
        around = [layer.image for layer in run.planner.wanted]
    steps = (plan or run.planner.look()).steps
    told = [step for step in steps.values() if step.needed or step.state == "fresh"]
    known = facts_of(run, told)
    boxes: dict[str, Box] = {}
    arrows: dict[tuple[str, str], Arrow] = {}
    for image in inputs.graph.closure(around):
        for layer, found in _made(project, image, everything):
            for arrow, edge in found:
                if edge is not None and edge.upstream is not None:
                    boxes.setdefault(arrow.source, _upstream(project, image, edge))
                before = arrows.get(arrow[:2])
                arrows[arrow[:2]] = arrow if before is None or arrow.whole else before
            boxes[str(layer)] = _box(project, layer, steps.get(layer), known.get(layer))
    return Drawing(project.spec.project, tuple(boxes.values()), tuple(arrows.values()))


def _stages(project: Project, image: str) -> tuple[str, ...]:
    return () if project.inputs.fault(image) else project.inputs.named_stages(image)


def _made(
    project: Project, image: str, everything: bool
) -> Iterator[tuple[Layer, list[tuple[Arrow, Edge | None]]]]:
    """An image's stages and then itself, each with what it is made from."""
    inputs, spec = project.inputs, project.spec.images[image]
    edges = inputs.graph.edges[image]
    if spec.rootfs is not None or inputs.fault(image):
        yield (
            Layer(image),
            [(_from(each, Layer(image), each.kind == "from"), each) for each in edges],
        )
        return
    stages = inputs.dockerfile(spec).stages
    names = called(stages)
    reached = inputs.reached(image)
    kept: dict[int, str] = {}
    for at, each in enumerate(reached):
        name, last = names[each.index], at == len(reached) - 1
        if last or (name and everything):
            layer = Layer(image, None if last else name)
            starts = frontier(reached[: at + 1], stages, kept, edges)
            line = stages[_lowest(reached[: at + 1], kept)].line
            yield layer, list(_arrows(layer, starts, line))
            kept = {**kept, each.index: name}


def _lowest(reached: Sequence[Reached], kept: Mapping[int, str]) -> int:
    """The stage whose ``FROM`` is where the last one begins, when the ``kept`` are images."""
    by_index = {each.index: each for each in reached}
    stage = reached[-1]
    while stage.base.stage is not None and stage.base.stage not in kept:
        stage = by_index[stage.base.stage]
    return stage.index


def _arrows(layer: Layer, starts: Frontier, line: int) -> Iterator[tuple[Arrow, Edge | None]]:
    """``line``: that of the ``FROM`` by which all of something is taken."""
    for start in starts.starts:
        whole = start.use.keyword == "FROM" and start.use.line == line
        if start.stage is not None:
            yield Arrow(str(Layer(layer.image, start.stage)), str(layer), whole), None
        elif start.edge is not None:
            yield _from(start.edge, layer, whole), start.edge
    if layer.stage is None:
        yield from ((_from(e, layer, False), e) for e in starts.edges if e.kind == "syntax")


def _from(edge: Edge, layer: Layer, whole: bool) -> Arrow:
    return Arrow(_source(edge), str(layer), whole)


def _source(edge: Edge) -> str:
    return edge.image if edge.image is not None else f"upstream {edge.upstream} {edge.platform}"


def _upstream(project: Project, image: str, edge: Edge) -> Box:
    assert edge.upstream is not None
    own = project.spec.platform
    platform = edge.platform or own
    lock = project.inputs.wiring.lock_for(project.spec.images[image])
    held = "@" in edge.upstream or lock.find(edge.upstream, platform) is not None
    name = edge.upstream if platform == own else f"{edge.upstream} ({platform})"
    return Box(_source(edge), name, "upstream", PINNED if held else LOOSE)


def _box(project: Project, layer: Layer, step: Step | None, known: Facts | None) -> Box:
    base = project.spec.images[layer.image].rootfs is not None
    name = str(layer)
    kind: Kind = "stage" if layer.stage else "base" if base else "image"
    if step is None or known is None:
        return Box(name, name, kind, IDLE)
    return Box(name, name, kind, "error" if step.stuck else step.state, known.size, known.expected)
