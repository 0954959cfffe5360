"""A question that is asked ahead: its answer, and that its failure is nobody's."""

from __future__ import annotations

import threading

from layers.engine.engine import EngineDown
from layers.runtime.threads import Prefetch


def test_the_answer_is_there_when_it_is_needed() -> None:
    """Asking begins at once, on another thread, and the answer is waited for."""
    begun = threading.Event()

    def ask() -> str:
        begun.set()
        return threading.current_thread().name

    ahead = Prefetch(ask, "nothing")
    assert begun.wait(10)
    assert ahead.answer() not in ("nothing", threading.current_thread().name)


def test_a_failure_is_told_by_whoever_asks_again() -> None:
    """Looking ahead never ends a run: the plain way meets the same engine, and has the words."""

    def ask() -> str:
        raise EngineDown("no engine answers")

    assert Prefetch(ask, "nothing").answer() == "nothing"
