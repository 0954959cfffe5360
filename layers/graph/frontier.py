"""Frontier: where a build of a stage ends and images that are there already begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hashes.dockerfile.parser import Stage
from hashes.dockerfile.reachable import Reached, Source
from layers.graph.graph import Edge


@dataclass(frozen=True)
class Frontier:
    """What a build starts from: kept stages that are taken as images, and other images."""

    stages: tuple[str, ...] = ()
    edges: tuple[Edge, ...] = ()
    shadows: Mapping[str, str] = field(default_factory=dict)
    """Names that nothing uses and that BuildKit resolves all the same, each with the kept stage
    whose image may stand in for it."""


def frontier(
    reached: Sequence[Reached],
    stages: Sequence[Stage],
    kept: Mapping[int, str],
    edges: Sequence[Edge],
) -> Frontier:
    """The frontier of the last of ``reached`` when the ``kept`` stages, by index, are images."""
    return _Walk(reached, stages, kept, edges).found()


class _Walk:
    def __init__(
        self,
        reached: Sequence[Reached],
        stages: Sequence[Stage],
        kept: Mapping[int, str],
        edges: Sequence[Edge],
    ) -> None:
        self.target = reached[-1].index
        self.by_index = {stage.index: stage for stage in reached}
        self.titles = stages
        self.kept = kept
        self.edges = {edge.text: edge for edge in edges}
        self.used = {edge.text for edge in edges if edge.kind == "syntax"}
        self.hit: dict[int, str] = {}
        self.seen = {self.target}
        self.shadows: dict[str, str] = {}

    def found(self) -> Frontier:
        todo = [self.target]
        while todo:
            stage = self.by_index[todo.pop()]
            for source in (stage.base, *stage.sources.values()):
                if source.stage is None:
                    self.used.add(source.text)
                elif source.stage in self.kept:
                    self.hit[source.stage] = self.kept[source.stage]
                elif source.stage not in self.seen:
                    self.seen.add(source.stage)
                    todo.append(source.stage)
        for index, name in self.hit.items():
            stage = self.by_index[index]
            self._shadow([stage.base, *stage.sources.values()], name)
        edges = tuple(edge for text, edge in self.edges.items() if text in self.used)
        return Frontier(tuple(self.hit.values()), edges, self.shadows)

    def _shadow(self, sources: Iterable[Source], name: str) -> None:
        """Give a name to everything that a replaced stage still points at.

        BuildKit 0.13 builds nothing below a stage that a named context replaces, but it loads the
        metadata of every image down there, and fails where one cannot be had.
        """
        todo = list(sources)
        while todo:
            source = todo.pop()
            if source.stage is None:
                if source.text in self.edges and source.text not in self.used:
                    self.shadows.setdefault(source.text, name)
                continue
            if source.stage in self.seen or source.stage in self.hit:
                continue
            stage = self.by_index[source.stage]
            title = self.titles[source.stage].name
            if title in self.shadows:
                continue
            if title:
                self.shadows[title] = name
            todo += [stage.base, *stage.sources.values()]
