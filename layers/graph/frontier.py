"""Frontier: where a build of a stage ends and images that are there already begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hashes.dockerfile.parser import Stage
from hashes.dockerfile.reachable import Reached, Source
from hashes.dockerfile.rewrite import Use
from layers.graph.graph import Edge


class Start(NamedTuple):
    """A place in the Dockerfile where something is taken that is there already."""

    use: Use
    stage: str | None
    """The kept stage that it is; None: an image from outside, `edge`."""
    edge: Edge | None
    fixed: bool
    """True for a name in an ONBUILD trigger of a base: the text is in the base's configuration."""


class Frontier(NamedTuple):
    """What a build starts from: kept stages that are taken as images, and other images."""

    starts: tuple[Start, ...] = ()
    edges: tuple[Edge, ...] = ()
    """Images from outside, and the frontend of a ``# syntax`` line; each once."""

    @property
    def stages(self) -> tuple[str, ...]:
        """The kept stages that are taken as images; each once."""
        return tuple(dict.fromkeys(each.stage for each in self.starts if each.stage is not None))


def frontier(
    reached: Sequence[Reached],
    stages: Sequence[Stage],
    kept: Mapping[int, str],
    edges: Sequence[Edge],
) -> Frontier:
    """The frontier of the last of ``reached`` when the ``kept`` stages, by index, are images.

    A stage that an ONBUILD trigger of a base takes something from is built in any case: its name
    there cannot be made another.
    """
    bound = {
        source.stage
        for stage in reached
        for (position, _), source in stage.sources.items()
        if position < stage.triggers
    }
    free = {index: name for index, name in kept.items() if index not in bound}
    return _Walk(reached, stages, free, edges).found()


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
        self.written = stages
        self.kept = kept
        self.syntax = [edge for edge in edges if edge.kind == "syntax"]
        self.edges = {(edge.text, edge.kind, edge.platform): edge for edge in edges}
        self.starts: list[Start] = []
        self.seen = {self.target}
        self.todo = [self.target]

    def found(self) -> Frontier:
        while self.todo:
            stage = self.by_index[self.todo.pop()]
            written = self.written[stage.index]
            base = Use(written.line, "FROM", stage.base.text)
            self._take(base, stage.base, "from", stage.platform, False)
            for (position, _), source in stage.sources.items():
                item = stage.instructions[position]
                use = Use(item.line, item.keyword, source.text)
                kind = "mount" if item.keyword == "RUN" else "copy"
                self._take(use, source, kind, None, position < stage.triggers)
        used = [start.edge for start in self.starts if start.edge is not None]
        return Frontier(tuple(self.starts), tuple(dict.fromkeys((*self.syntax, *used))))

    def _take(self, use: Use, source: Source, kind: str, platform: str | None, fixed: bool) -> None:
        if source.stage is None:
            for (text, known, where), edge in self.edges.items():
                if text == source.text and known == kind and platform in (None, where):
                    self.starts.append(Start(use, None, edge, fixed))
                    break
        elif source.stage in self.kept:
            self.starts.append(Start(use, self.kept[source.stage], None, fixed))
        elif source.stage not in self.seen:
            self.seen.add(source.stage)
            self.todo.append(source.stage)
