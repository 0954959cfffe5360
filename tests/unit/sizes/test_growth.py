"""Growth: an image beside that of its last key."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.runtime.state import StateFolder
from layers.sizes.growth import Brief, growth, last_remembered, remember, remembered


def told(key: str, *layers: tuple[str, int], packed: int | None = None, **packages: int) -> Brief:
    return Brief(key, sum(size for _, size in layers), packed, layers, packages)


@pytest.mark.parametrize(
    ("before", "now", "grown"),
    [
        ([("a", 1), ("b", 2)], [("a", 1), ("b", 5)], (0, 3)),
        ([("a", 1), ("b", 2)], [("a", 1), ("x", 4), ("b", 2)], (0, 4, 0)),
        ([("a", 1), ("b", 2), ("c", 3)], [("a", 1), ("c", 3)], (0, 0)),
        ([("a", 1), ("b 1", 2), ("c", 3)], [("a", 1), ("b 2", 7), ("c", 2)], (0, 5, -1)),
        ([("a", 1), ("a", 2)], [("a", 1), ("a", 2), ("a", 3)], (0, 0, 3)),
        ([], [("a", 1)], (1,)),
    ],
)
def test_a_layer_is_weighed_against_its_counterpart(
    before: list[tuple[str, int]], now: list[tuple[str, int]], grown: tuple[int, ...]
) -> None:
    """By its instruction; one that was edited in its place is the same layer."""
    found = growth(told("new", *now), told("old", *before))
    assert found.layers == grown
    assert found.unpacked == sum(size for _, size in now) - sum(size for _, size in before)
    assert found.key == "old"


def test_packages_that_came_went_or_changed_are_told() -> None:
    """Those that weigh the same are not."""
    found = growth(told("n", same=1, grew=3, came=4), told("o", same=1, grew=1, went=7))
    assert found.packages == {"grew": 2, "came": 4, "went": -7}


def test_packed_bytes_are_compared_where_both_are_known() -> None:
    """An engine may not know them."""
    assert growth(told("n", packed=5), told("o", packed=3)).packed == 2
    assert growth(told("n", packed=5), told("o")).packed is None


def test_keys_are_remembered_each_once(tmp_path: Path) -> None:
    """The last one first; a stage has its own."""
    state = StateFolder(str(tmp_path))
    for key in ("k1", "k2", "k1"):
        remember(state, "app:deps", told(key, ("a", 1), x=2))
    assert remembered(state, "app:deps", "k2") == told("k2", ("a", 1), x=2)
    assert last_remembered(state, "app:deps", "k1") == told("k2", ("a", 1), x=2)
    assert last_remembered(state, "app:deps", "k3") == told("k1", ("a", 1), x=2)
    assert remembered(state, "app", "k1") is None


def test_what_is_remembered_may_be_damaged(tmp_path: Path) -> None:
    """State is a cache."""
    state = StateFolder(str(tmp_path))
    remember(state, "app", told("k1"))
    (path,) = tmp_path.rglob("app.json")
    for text in ("{", '[{"key": "k1"}]', "[1]", '{"key": 1}'):
        path.write_text(text)
        assert remembered(state, "app", "k1") is None
