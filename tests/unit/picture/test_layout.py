"""Layout: boxes are apart, arrows run from left to right, and every run draws the same."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.picture.layout import Layout, Way, lay_out

WIDTH, HEIGHT = 100.0, 30.0
Arrows = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Arrows]:
    """Boxes by number, arrows from lower to higher ones."""
    count = draw(st.integers(1, 14))
    pairs = list(itertools.combinations(range(count), 2))
    arrows = st.lists(st.sampled_from(pairs), unique=True, max_size=24) if pairs else st.just([])
    return count, draw(arrows)


def overlaps(layout: Layout) -> bool:
    """Whether two boxes have a point in common."""
    return any(
        abs(x - to_x) < WIDTH and abs(y - to_y) < HEIGHT
        for (x, y), (to_x, to_y) in itertools.combinations(layout.middles, 2)
    )


def crossed(layout: Layout) -> bool:
    """Whether a way leads through a box that it has nothing to do with."""
    return any(
        abs(x - at_x) < WIDTH / 2 and abs(y - at_y) < HEIGHT / 2
        for way in layout.ways
        for x, y in way.through
        for at_x, at_y in layout.middles
    )


def inside(layout: Layout) -> bool:
    """Whether all of it is within its width and height."""
    points = [*layout.middles, *(each for way in layout.ways for each in way.through)]
    right, bottom = layout.width - WIDTH / 2 + 0.1, layout.height - HEIGHT / 2 + 0.1
    return all(WIDTH / 2 - 0.1 <= x <= right for x, _ in points) and all(
        HEIGHT / 2 - 0.1 <= y <= bottom for _, y in points
    )


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_nothing_lies_above_anything_else(graph: tuple[int, Arrows]) -> None:
    """And each arrow leads to the right, through free places."""
    count, arrows = graph
    layout = lay_out(count, arrows, WIDTH, HEIGHT)
    assert not overlaps(layout)
    assert not crossed(layout)
    assert inside(layout)
    assert [way[:2] for way in layout.ways] == sorted(arrows)
    assert all(layout.middles[a][0] < layout.middles[b][0] for a, b in arrows)
    assert layout == lay_out(count, arrows, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("layout", "judge"),
    [
        (Layout(200, 60, ((50, 15), (149, 44)), ()), overlaps),
        (Layout(200, 60, ((50, 15),), (Way(0, 1, ((60, 20),)),)), crossed),
        (Layout(200, 60, ((50, 50),), ()), lambda layout: not inside(layout)),
    ],
)
def test_a_wrong_layout_would_be_seen(layout: Layout, judge: object) -> None:
    """The test above can fail."""
    assert callable(judge)
    assert judge(layout)


def test_a_box_that_the_library_puts_upon_another_is_moved() -> None:
    """A graph, found by chance, where it does."""
    import random

    draw = random.Random(312)
    count = draw.randint(1, 25)
    arrows = {
        (a, b) for b in range(count) for a in draw.sample(range(b), min(b, draw.randint(0, 3)))
    }
    assert not overlaps(lay_out(count, sorted(arrows), WIDTH, HEIGHT))
