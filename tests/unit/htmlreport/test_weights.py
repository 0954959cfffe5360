"""Weights are kept under .layers, and a damaged file is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.htmlreport.findings import Package, Part, Weight
from layers.htmlreport.weights import KEPT, MOST, recall, remember
from layers.runtime.state import StateFolder

TEXT = st.text(max_size=8)
SIZE = st.integers(0, 10**12)
WEIGHTS = st.builds(
    Weight,
    TEXT,
    st.floats(0, 1e10),
    SIZE,
    st.lists(st.builds(Part, TEXT, SIZE), max_size=3).map(tuple),
    st.lists(st.builds(Package, TEXT, SIZE), max_size=3).map(tuple),
)


@given(st.lists(WEIGHTS, max_size=4))
def test_what_is_remembered_is_recalled(
    tmp_path_factory: pytest.TempPathFactory, weights: list[Weight]
) -> None:
    """Oldest first."""
    state = StateFolder(str(tmp_path_factory.mktemp("weights")))
    remember(state, "app:deps", weights)
    assert recall(state, "app:deps") == tuple(sorted(weights, key=lambda each: each.time))
    assert recall(state, "app") == ()


def test_the_newest_are_kept(tmp_path: Path) -> None:
    """And of each the largest packages."""
    state = StateFolder(str(tmp_path))
    many = tuple(Package(f"p{n}", 1000 - n) for n in range(MOST + 5))
    remember(state, "app", [Weight(f"k{n}", float(n), n, (), many) for n in range(KEPT + 3)])
    found = recall(state, "app")
    assert [each.key for each in found[:1]] == ["k3"]
    assert len(found) == KEPT
    assert found[0].packages == many[:MOST]


@pytest.mark.parametrize(
    "text",
    ["", "{", "{}", "[1]", '[{"key": 1, "time": 0, "size": 0}]', "[[]]", "null", '[{"key": "k"}]'],
)
def test_a_damaged_file_is_no_history(tmp_path: Path, text: str) -> None:
    """Nobody is told: the next report writes it anew."""
    (tmp_path / ".layers" / "weights").mkdir(parents=True)
    (tmp_path / ".layers" / "weights" / "app.json").write_text(text)
    assert recall(StateFolder(str(tmp_path)), "app") == ()
