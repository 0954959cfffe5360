"""Trying again is bounded, grows, and listens to the other side."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.runtime.retry import Again, Backoff, persist, retry_after

BACKOFF = Backoff(attempts=4, first=1.0, longest=3.0, patience=20.0)


@given(st.integers(1, 3), st.none() | st.floats(0, 20), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_between_what_is_asked_and_the_longest(
    attempt: int, after: float | None, luck: float
) -> None:
    """Never sooner than Retry-After, never longer than needed."""
    delay = BACKOFF.delay(attempt, after, luck)
    assert delay is not None
    assert max(0.5, after or 0) <= delay <= max(3.0, after or 0)


@pytest.mark.parametrize(("attempt", "after"), [(4, None), (9, 1.0), (1, 20.1)])
def test_patience_ends(attempt: int, after: float | None) -> None:
    """After so many attempts, or when asked to wait too long."""
    assert BACKOFF.delay(attempt, after, 0.0) is None


def test_a_call_is_repeated_until_it_works() -> None:
    """With the waits between, and no more."""
    answers: list[Any] = [Again(OSError("a")), Again(OSError("b"), 7.0), "fine"]
    slept: list[float] = []

    def call() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Again):
            raise answer
        return answer

    assert persist(call, BACKOFF, slept.append) == "fine"
    assert len(slept) == 2
    assert slept[1] == 7.0


def test_the_last_error_is_raised_at_the_end() -> None:
    """Its own type, not ours."""
    slept: list[float] = []

    def call() -> str:
        raise Again(OSError(f"try {len(slept) + 1}"))

    with pytest.raises(OSError, match="try 4"):
        persist(call, BACKOFF, slept.append)
    assert len(slept) == 3


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("Thu, 99 Jan 1970 00:00:01 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, seconds: float | None) -> None:
    """Seen from a minute after the epoch; anything else is no wish."""
    assert retry_after(text, 60.0) == seconds


def test_what_hangs_is_not_asked_again_and_again() -> None:
    """Each attempt took half a minute to fail; after the second, the error is told."""
    now = [0.0]

    def call() -> str:
        now[0] += 30.0
        raise Again(ValueError("no answer"))

    with pytest.raises(ValueError, match="no answer"):
        persist(call, Backoff(), lambda seconds: None, lambda: now[0])
    assert now[0] == 60.0
