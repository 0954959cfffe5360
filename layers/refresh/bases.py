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
    images: Mapping[str, tuple[str, ...]]
    """Of every base, also those that were not asked for: itself and the images between."""
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
    between = {name: _between(graph, name, every) for name in every}
    chosen = [each for each in every if not names or each in names or below[each] & set(names)]
    return Bases(
        tuple(chosen),
        {name: _upstreams(spec, graph, name, between[name]) for name in chosen},
        between,
        {name: below[name] & set(chosen) for name in chosen},
    )


def _between(graph: Graph, image: str, every: Iterable[str]) -> tuple[str, ...]:
    """An image and those below it, as far as no other base stands between."""
    seen = {image: None}
    stop, todo = {*every}, [image]
    while todo:
        for edge in graph.edges[todo.pop()]:
            if edge.image is not None and edge.image not in (*stop, *seen):
                seen[edge.image] = None
                todo.append(edge.image)
    return tuple(seen)


def _upstreams(spec: Spec, graph: Graph, base: str, images: Iterable[str]) -> tuple[Upstream, ...]:
    """The upstreams of a base and the images between."""
    edges = [edge for image in images for edge in graph.edges[image]]
    return tuple(
        sorted(
            {
                Upstream(edge.upstream, edge.platform or spec.platform_of(base))
                for edge in edges
                if edge.upstream is not None and "@" not in edge.upstream
            }
        )
    )
