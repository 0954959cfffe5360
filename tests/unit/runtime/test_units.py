"""Durations and sizes read as people write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.runtime import units


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (1.3, "1.3 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (41.2, "41 s"),
        (59.4, "59 s"),
        (59.6, "1:00 min"),
        (200, "3:20 min"),
        (3599.7, "1:00:00 h"),
        (3723, "1:02:03 h"),
    ],
)
def test_a_duration_has_its_unit(value: Any, text: Any) -> None:
    """Each unit begins where the one below would need two digits too many."""
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_960, "10 kB"),
        (12_345, "12 kB"),
        (999_600, "1.0 MB"),
        (355_000_000, "355 MB"),
        (1_200_000_000, "1.2 GB"),
        (13 * 10**15, "13000 TB"),
    ],
)
def test_a_size_counts_in_thousands(value: Any, text: Any) -> None:
    """Registries count so too; 1 kB is 1,000 bytes."""
    assert units.size(value) == text


@settings(deadline=None)
@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_clock_never_goes_back(one: Any, other: Any) -> Any:
    """A later time never shows an earlier clock."""

    def shown(value: Any) -> Any:
        total = 0
        for part in units.clock(value).split(":"):
            total = total * 60 + int(part)
        return total

    assert (shown(one) <= shown(other)) or one > other


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.2, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (1560, "26 min"),
        (3580, "1 h 0 min"),
        (4800, "1 h 20 min"),
    ],
)
def test_a_guess_has_no_more_digits_than_it_is_worth(value: Any, text: Any) -> None:
    """Minutes without seconds."""
    assert units.about(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-5, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (2 * 86400, "2 days"),
        (14 * 86400, "2 weeks"),
        (61 * 86400, "2 months"),
        (730.5 * 86400, "2 years"),
        (4000 * 86400, "10 years"),
    ],
)
def test_an_age_is_in_a_unit_of_which_there_are_two(value: Any, text: Any) -> None:
    """So that no unit is ever in the singular."""
    assert units.age(value) == text
