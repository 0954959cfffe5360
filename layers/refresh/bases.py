"""Bases: which images are bases, and how they hang together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hashes.errors import LayersError
from layers.config.spec import Spec, no_image
from layers.graph.graph import Graph
from layers.lock.pin import Upstream


@dataclass(frozen=True)
class Bases:
    """The bases that a run looks after, and how they hang together; parents first."""

    order: tuple[str, ...]
    upstreams: Mapping[str, tuple[Upstream, ...]]
    """Of each base: those that it, or an image between it and the next base, is made from."""
    ancestors: Mapping[str, frozenset[str]]
    """Bases below each, at any depth."""


def bases(spec: Spec, graph: Graph, asked: Iterable[str]) -> Bases:
    """All bases, or those ``asked`` for with every base that is built on them.

    Raises LayersError for a name that is no base.
    """
    every = [name for name in graph.order if spec.images[name].refresh]
    names = list(asked)
    for name in names:
        if name not in graph.order:
            raise no_image(name, graph.order, spec.path)
        if name not in every:
            raise LayersError(
                f"{name} is not looked after: it has neither a probe nor `refresh = true`",
                file=spec.path,
                line=spec.line(name),
            )
    below = {name: frozenset(graph.closure([name])) & set(every) - {name} for name in every}
    chosen = [each for each in every if not names or each in names or below[each] & set(names)]
    return Bases(
        tuple(chosen),
        {name: own_upstreams(spec, graph, name, every) for name in chosen},
        {name: below[name] & set(chosen) for name in chosen},
    )


def own_upstreams(
    spec: Spec, graph: Graph, image: str, every: Iterable[str]
) -> tuple[Upstream, ...]:
    """The upstreams below an image, as far as no other base stands between."""
    found: dict[Upstream, None] = {}
    seen = {image, *every}
    todo = [image]
    while todo:
        for edge in graph.edges[todo.pop()]:
            if edge.image is not None and edge.image not in seen:
                seen.add(edge.image)
                todo.append(edge.image)
            elif edge.upstream is not None and "@" not in edge.upstream:
                found[Upstream(edge.upstream, edge.platform or spec.platform_of(image))] = None
    return tuple(sorted(found))
