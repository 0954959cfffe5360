"""Ahead: a question that is asked on a second thread while the first one has work to do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """The answer to ``ask``, begun now; a failure shows as ``otherwise``.

    Whoever needs the answer asks again in the plain way and gets the failure there, in words.
    """

    def __init__(self, ask: Callable[[], T], otherwise: T) -> None:
        self._answer = otherwise
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True)
        self._thread.start()

    def _run(self, ask: Callable[[], T]) -> None:
        try:
            self._answer = ask()
        except Exception:  # noqa: BLE001 - a look ahead must not end the run
            return

    def answer(self) -> T:
        """Wait for the answer."""
        self._thread.join()
        return self._answer
