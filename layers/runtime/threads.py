"""Threads: a question that is asked on a second thread while the first one has work to do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetch(Generic[T]):
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


A = TypeVar("A")
B = TypeVar("B")


def each(
    call: Callable[[A], B],
    items: Sequence[A],
    threads: int,
    stop: Callable[[], object] = lambda: None,
) -> list[B]:
    """``call`` of each item, in order, at most ``threads`` at a time.

    The first error, and Ctrl-C, call ``stop``, leave out what has not begun, and are raised.
    """
    if len(items) < 2:
        return [call(item) for item in items]
    from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

    with ThreadPoolExecutor(min(threads, len(items))) as pool:
        futures = [pool.submit(call, item) for item in items]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future in done:
                    future.result()
            return [future.result() for future in futures]
        except BaseException:
            stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
