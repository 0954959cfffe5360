"""Grids: layers and packages over the last keys."""

from __future__ import annotations

from layers.htmlreport.findings import Package, Part, Weight
from layers.htmlreport.grid import COLUMNS, Row, by_package, by_part


def weight(at: int, *parts: tuple[str, int], **packages: int) -> Weight:
    """What something took at a moment."""
    held = tuple(Package(name, size) for name, size in packages.items())
    return Weight(f"k{at}", float(at), 0, tuple(Part(*each) for each in parts), held)


def test_layers_are_told_apart_by_what_made_them() -> None:
    """Of equal ones the second is another; what is gone is not shown, what came is new."""
    old = weight(1, ("base", 10), ("RUN a", 5), ("RUN a", 6), ("RUN gone", 9))
    grid = by_part([old, weight(2, ("base", 10), ("RUN a", 7), ("RUN a", 6), ("RUN b", 1))])
    assert grid.times == (1.0, 2.0)
    assert grid.rows == (
        Row("base", (10, 10)),
        Row("RUN a", (5, 7)),
        Row("RUN a (2)", (6, 6)),
        Row("RUN b", (None, 1)),
    )
    assert [row.change for row in grid.rows] == [0, 2, 0, None]
    assert [row.new for row in grid.rows] == [False, False, False, True]


def test_keys_that_were_not_measured_are_passed_over() -> None:
    """The largest packages of the last key that was."""
    grid = by_package([weight(1, a=3, b=2, c=1), weight(2), weight(3, a=4, c=2, b=1), weight(4)], 2)
    assert grid.times == (1.0, 3.0)
    assert grid.rows == (Row("a", (3, 4)), Row("c", (1, 2)))
    assert by_package([weight(1)], 2).rows == ()


def test_a_single_key_has_no_change() -> None:
    """And nothing in it is new."""
    (row,) = by_package([weight(1, a=3)], 9).rows
    assert (row.change, row.new) == (None, False)


def test_the_last_keys_are_shown() -> None:
    """As many as a screen has room for."""
    grid = by_package([weight(at, a=at) for at in range(COLUMNS + 3)], 9)
    assert grid.times == tuple(map(float, range(3, COLUMNS + 3)))
