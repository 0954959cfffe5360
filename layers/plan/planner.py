"""Looking: finds out, level by level, where layers are that a plan must know of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from hashes.errors import LayersError
from layers.engine.engine import LocalImage
from layers.graph.graph import Layer
from layers.plan.names import plain_name
from layers.plan.presence import Seen, look_in_engine, look_in_registry
from layers.runtime.threads import Ahead
from layers.setup.choose import endpoint

if TYPE_CHECKING:
    from layers.project.project import Project

Names = Mapping[str, LocalImage]


def look(project: Project, seen: Seen, layers: Iterable[Layer], ahead: Ahead[Names] | None) -> None:
    """Where ``layers`` are, and then, level by level, what those to be built need; into ``seen``.

    Most runs end with the first level: nobody asks about what is below an image that is there.
    """
    level = [layer for layer in dict.fromkeys(layers) if layer not in seen.asked]
    while level:
        nodes = [project.nodes[layer] for layer in level]
        where = {node.layer: project.names(node.layer, node.key) for node in nodes}
        look_in_engine(project.engine, nodes, where, seen, ahead.answer() if ahead else {})
        asked = [node for node in nodes if project.pushes(node.layer)]
        expected = project.lock.expected
        look_in_registry(lambda: project.registry, asked, where, seen, project.tell, expected)
        below = [parent for node in nodes if seen.lacks(node.layer) for parent in node.parents]
        level = [layer for layer in dict.fromkeys(below) if layer not in seen.asked]


def plain_names(project: Project, layers: Iterable[Layer]) -> Ahead[Names]:
    """What the plain names point at, asked for while the keys are computed.

    An engine that is not up yet is not started for that: a mistake in a file is told first.
    """
    asked = [plain_name(project.spec, layer) for layer in layers]
    nothing: Names = {}
    try:
        project.__dict__.setdefault("endpoint", endpoint(project.root))
    except LayersError:
        return Ahead(lambda: nothing, nothing)
    engine = project.engine
    return Ahead(lambda: engine.find(asked), nothing)
