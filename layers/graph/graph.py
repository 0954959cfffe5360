"""The graph: which image is made from which, found in the Dockerfiles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from hashes.errors import LayersError
from hashes.nothing import NOTHING
from layers.graph.faults import CycleError
from layers.lock.pin import Upstream


class Layer(NamedTuple):
    """One node: an image, or a named stage of its Dockerfile; the text form is a doit task name."""

    image: str
    stage: str | None = None
    """None: the image itself, that is its target stage."""

    def __str__(self) -> str:
        return self.image if self.stage is None else f"{self.image}:{self.stage}"

    @classmethod
    def parse(cls, text: str) -> Layer:
        """Read the text form back; the exact inverse of ``str``."""
        image, colon, stage = text.partition(":")
        return cls(image, stage if colon else None)


class Edge(NamedTuple):
    """A use of another image: ``FROM``, ``COPY --from``, ``RUN --mount=from=`` or ``# syntax``."""

    text: str
    """As the Dockerfile has it, variables expanded; what a ``--build-context`` has to name."""
    line: int
    image: str | None = None
    """The image of ours that it means; None: an upstream."""
    upstream: str | None = None
    """The reference that it is resolved as; None: an image of ours."""
    platform: str = ""
    """The platform that is wanted of it; "" for our own images in tests."""
    kind: str = "from"
    """``from``, ``copy``, ``mount`` or ``syntax``."""


class Graph(NamedTuple):
    """All images of a project with the edges between them; parents come first in ``order``."""

    edges: Mapping[str, tuple[Edge, ...]]
    order: tuple[str, ...]
    faults: Mapping[str, LayersError] = NOTHING
    """Images whose edges cannot be known, or lead back to them; they have none here."""

    def parents(self, image: str) -> tuple[str, ...]:
        """Our own images that ``image`` is made from, in the order of the Dockerfile."""
        return tuple(dict.fromkeys(edge.image for edge in self.edges[image] if edge.image))

    def closure(self, images: Iterable[str]) -> tuple[str, ...]:
        """``images`` and all that they are made from, parents first."""
        wanted: set[str] = set()
        todo = list(images)
        while todo:
            image = todo.pop()
            if image not in wanted:
                wanted.add(image)
                todo.extend(self.parents(image))
        return tuple(image for image in self.order if image in wanted)


def make_graph(
    edges: Mapping[str, tuple[Edge, ...]],
    faults: Mapping[str, LayersError] | None = None,
    *,
    file: str = "images.toml",
) -> Graph:
    """Order the images, parents first; ties keep the order given.

    A cycle is a fault of the images in it, a CycleError which shows it as a path.
    """
    wrong = dict(faults or {})
    order: list[str] = []
    done: set[str] = set()
    path: list[str] = []

    def visit(image: str) -> Iterator[str]:
        path.append(image)
        yield from (edge.image for edge in edges[image] if edge.image)

    for start in edges:
        if start in done:
            continue
        stack = [visit(start)]
        while stack:
            parent = next(stack[-1], None)
            if parent is None:
                stack.pop()
                image = path.pop()
                done.add(image)
                order.append(image)
            elif parent in path:
                cycle = path[path.index(parent) :]
                error = CycleError(
                    f"dependency cycle: {' -> '.join([*cycle, parent])}",
                    file=file,
                    hint="one of these FROM or COPY --from lines has to go",
                )
                wrong = {**dict.fromkeys(cycle, error), **wrong}
            elif parent not in done:
                stack.append(visit(parent))
    kept = {image: () if image in wrong else found for image, found in edges.items()}
    return Graph(kept, tuple(order), wrong)


def upstreams(graph: Graph, platform: str) -> tuple[Upstream, ...]:
    """All upstreams that any image of the graph is made from, sorted.

    Those that the Dockerfile names by digest, too: the lock knows what triggers they have.
    """
    found = {
        Upstream(edge.upstream, edge.platform or platform)
        for edges in graph.edges.values()
        for edge in edges
        if edge.upstream is not None
    }
    return tuple(sorted(found))
