"""Things asked at once come back in order, and the first error ends the rest."""

from __future__ import annotations

import threading

import pytest

from layers.runtime.threads import each


@pytest.mark.parametrize("number", [0, 1, 2, 50])
def test_answers_keep_their_order(number: int) -> None:
    """Whoever is first."""
    assert each(lambda n: n * n, range(number), 4) == [n * n for n in range(number)]


def test_no_more_at_once_than_allowed() -> None:
    """The registry and our memory are not ours alone."""
    lock, now, most = threading.Lock(), 0, 0
    meeting = threading.Barrier(3)

    def call(_: int) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        meeting.wait(timeout=5)
        with lock:
            now -= 1

    each(call, range(9), 3)
    assert most == 3


def test_the_first_error_stops_the_others() -> None:
    """Those that run are told, those that wait never begin."""
    stop = threading.Event()
    begun: list[int] = []

    def call(n: int) -> None:
        begun.append(n)
        if n == 1:
            raise OSError("first")
        assert stop.wait(timeout=5)

    with pytest.raises(OSError, match="first"):
        each(call, range(100), 2, stop.set)
    assert len(begun) < 10
