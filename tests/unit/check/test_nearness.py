"""What is near a name that a package index lacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.check.online.nearness import near, slip

INDEX = """
curl ffmpeg g++ git libcurl4 libcurl4-openssl-dev
libgl1 libglib2.0-0t64 libicu72 libicu63 libjpeg62-turbo libpython3.11
libssl3 libwebp-dev libwebp6 libwebpmux3 netcat-openbsd netcat-traditional
default-mysql-client python3 python3-pip python3.11 python3.11-dev python3.12
python-is-python3 vim
"""


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("libwebp7", "libwebp6"),
        ("libssl1.1", "libssl3"),
        ("libssl1.1t64", "libssl3"),
        ("libglib2.0-0", "libglib2.0-0t64"),
        ("libicu66", "libicu63 libicu72"),
        ("python3.10", "python3.11 python3.12 python3"),
        ("python3.10-dev", "python3.11-dev"),
        ("pyhton3", "python3"),
        ("python3-pi", "python3-pip"),
        ("crul", "curl"),
        ("ffmepg", "ffmpeg"),
        ("netcat", "netcat-openbsd netcat-traditional"),
        ("mysql-client", "default-mysql-client"),
        ("gti", "git"),
        ("nodejs", ""),
        ("curl", ""),
    ],
)
def test_the_nearest_are_told_the_best_first(name: str, nearest: str) -> None:
    """Another version, then a slip, then a longer name; three at most, and none by force."""
    assert near(name, INDEX.split()) == tuple(nearest.split())


def test_no_more_than_three_are_told() -> None:
    """The list is for a person."""
    assert len(near("x1", [f"x{number}" for number in range(2, 40)])) == 3


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_slips_are_the_same_both_ways_and_none_for_the_same(one: str, other: str) -> None:
    """As a distance has it, with a bound that cuts nothing off."""
    assert slip(one, other, 99) == slip(other, one, 99)
    assert (slip(one, other, 99) == 0) == (one == other)


@given(st.text("abc", max_size=6), st.text("abc", max_size=6), st.integers(0, 4))
def test_a_bound_only_says_that_it_is_more(one: str, other: str, most: int) -> None:
    """What lies within it is told exactly."""
    assert slip(one, other, most) == min(slip(one, other, 99), most + 1)
