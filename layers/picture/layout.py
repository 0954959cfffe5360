"""Layout: where boxes and arrows lie, from left to right, as grandalf finds it (Sugiyama)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout, VertexViewer
from grandalf.routing import EdgeViewer

BETWEEN = 56
"""Pixels between two columns."""
BESIDE = 18
"""Pixels between two boxes of a column."""

Point = tuple[float, float]


class Way(NamedTuple):
    """An arrow from box to box, by their places in the list."""

    source: int
    target: int
    through: tuple[Point, ...] = ()
    """Middles of the gaps that it takes through columns between the two."""


class Layout(NamedTuple):
    """Boxes of one size, each by its middle, and ways between them, in pixels."""

    width: float
    height: float
    middles: tuple[Point, ...]
    ways: tuple[Way, ...]


class _Vertex(Vertex):  # type: ignore[misc]  # grandalf ships no types
    """A vertex by its number: the library keeps sets, and by address each run would differ."""

    def __init__(self, number: int, view: VertexViewer) -> None:
        super().__init__(number)
        self.view = view

    def __hash__(self) -> int:
        return int(self.data)


class _Path(EdgeViewer):  # type: ignore[misc]  # grandalf ships no types
    """What an edge is drawn through, both ends included."""

    def setpath(self, pts: list[Point]) -> None:
        self.through = pts[1:-1]


class _Edge(Edge):  # type: ignore[misc]  # grandalf ships no types
    """An edge by its number."""

    def __init__(self, number: int, source: Vertex, target: Vertex) -> None:
        super().__init__(source, target, data=number)
        self.view = _Path()

    def __hash__(self) -> int:
        return int(self.data)


def lay_out(count: int, arrows: Iterable[tuple[int, int]], width: float, height: float) -> Layout:
    """Boxes of that size in columns, none above another; ``arrows`` lead back to none."""
    # The library draws from the top to the bottom: sides change places before and after.
    vertices = [_Vertex(number, VertexViewer(height, width)) for number in range(count)]
    edges = [_Edge(at, vertices[a], vertices[b]) for at, (a, b) in enumerate(arrows)]
    middles: dict[int, Point] = {}
    ways: list[Way] = []
    top = 0.0
    for part in sorted(Graph(vertices, edges).C, key=lambda each: min(v.data for v in each.sV)):
        placed, through = _apart(*_placed(part), height + BESIDE)
        least = min(x for x, _ in placed.values()) - width / 2
        rows = [y for _, y in (*placed.values(), *(point for each in through for point in each[2]))]
        lift = top - (min(rows) - height / 2)
        middles |= {number: (x - least, y + lift) for number, (x, y) in placed.items()}
        for source, target, points in through:
            ways.append(Way(source, target, tuple((x - least, y + lift) for x, y in points)))
        top = max(rows) + height / 2 + lift + BESIDE
    across = max((x for x, _ in middles.values()), default=0.0) + width / 2
    found = tuple(middles[number] for number in range(count))
    return Layout(across, max(top - BESIDE, 0.0), found, tuple(sorted(ways)))


def _placed(part: Graph) -> tuple[dict[int, Point], list[Way]]:
    """Middles of the boxes of one connected part, and its ways, from wherever."""
    vertices = sorted(part.sV, key=lambda each: each.data)
    made = SugiyamaLayout(part)
    made.xspace, made.yspace = BESIDE, BETWEEN
    made.init_all(roots=[each for each in vertices if not each.e_in()], inverted_edges=[])
    made.draw(4)
    placed = {each.data: each.view.xy[::-1] for each in vertices}
    ways = []
    for edge in part.sE:
        source, target = edge.v
        through = tuple(each[::-1] for each in edge.view.through)
        ways.append(Way(source.data, target.data, through))
    return placed, ways


def _apart(
    placed: dict[int, Point], ways: list[Way], least: float
) -> tuple[dict[int, Point], list[Way]]:
    """The same with what is in one column ``least`` apart; the library lets some lie too near."""
    lowest: dict[float, float] = {}
    moved: dict[tuple[int, int], Point] = {}
    points = {(number, -1): point for number, point in placed.items()}
    points |= {(at, n): point for at, way in enumerate(ways) for n, point in enumerate(way.through)}
    for name, (x, y) in sorted(points.items(), key=lambda each: (each[1][1], each[0])):
        column = round(x, 3)
        lowest[column] = y = max(y, lowest.get(column, y - least) + least)
        moved[name] = (x, y)
    boxes = {number: moved[number, -1] for number in placed}
    return boxes, [
        way._replace(through=tuple(moved[at, n] for n in range(len(way.through))))
        for at, way in enumerate(ways)
    ]
