"""Asking registries many things at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

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
