"""The benchmark of expectations: each build is predicted from those before it alone."""

from __future__ import annotations

import pytest

from bench.harness import Unexpected
from bench.history import Guess, as_row, predicted
from layers.project.history import likely


def record(layer: str, seconds: float, **more: object) -> dict[str, object]:
    told = {"layer": layer, "action": "build", "key": "", "seconds": seconds, "ok": True}
    return told | more


def test_no_build_is_predicted_from_itself_or_what_comes_later() -> None:
    """The first of a layer is not; what failed, pushes and others' builds count for nothing."""
    records = [
        record("a", 10.0),
        record("b", 3.0),
        record("a", 90.0, ok=False),
        record("a", 90.0, action="push"),
        record("a", 80.0, elsewhere=True),
        record("a", 20.0),
        record("a", 30.0),
        record("b", 6.0),
    ]
    assert predicted(records) == [
        Guess(10.0, 20.0),
        Guess(likely([10.0, 20.0]), 30.0),
        Guess(3.0, 6.0),
    ]


def test_an_error_is_a_share_of_what_it_took() -> None:
    """Too long and too short count alike, and the median of them is compared."""
    guesses = [Guess(12.0, 10.0)] * 6 + [Guess(7.0, 10.0)] * 4
    row = as_row("a build", "ten", guesses, 0.25)
    assert (row.figure, row.reached) == ("10 times; median error 20%, nine of ten within 30%", True)
    assert as_row("a build", "ten", [Guess(7.0, 10.0)] * 10, 0.25).reached is False


def test_a_checkout_with_little_history_is_said_to_have_little() -> None:
    """A median of a few says nothing."""
    with pytest.raises(Unexpected, match="9 predictions"):
        as_row("a build", "nine", [Guess(1.0, 1.0)] * 9, None)
