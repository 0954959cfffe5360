"""Trying again: how long to wait, and when to stop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class Again(Exception):
    """Raised by a call that may be repeated; ``error`` is what to raise when it may no more.

    ``after`` is in seconds, from Retry-After; None when the other side did not say.
    """

    def __init__(self, error: Exception, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


@dataclass(frozen=True)
class Backoff:
    """How often and how soon; all times in seconds."""

    attempts: int = 5
    first: float = 0.3
    longest: float = 10.0
    patience: float = 60.0
    """A Retry-After beyond this is not waited for: people would think that we hang."""
    total: float = 40.0
    """Nothing is tried again after this long: a registry may take a question and never answer."""

    def delay(self, attempt: int, after: float | None, luck: float) -> float | None:
        """Wait this long after failed attempt number ``attempt`` (from 1); None means give up.

        Doubles each time, cut to between half and all of it by ``luck`` in [0, 1), so that
        many runners do not come back at once.
        """
        if attempt >= self.attempts or (after is not None and after > self.patience):
            return None
        grown = min(self.longest, self.first * 2.0 ** (attempt - 1)) * (0.5 + luck / 2)
        return max(grown, after or 0.0)


def persist(
    call: Callable[[], T],
    backoff: Backoff,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Call until it does not raise `Again`; when patience ends, raise the error in it."""
    attempt, begin = 1, clock()
    while True:
        try:
            return call()
        except Again as again:
            delay = backoff.delay(attempt, again.after, random.random())
            if delay is None or clock() - begin > backoff.total:
                raise again.error from again.error.__cause__
        sleep(delay)
        attempt += 1


def retry_after(text: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for: a number, or a date seen from Unix time ``now``.

    None for no header or one that is neither (RFC 9110, 10.2.3).
    """
    if not text:
        return None
    if text.strip().isdecimal():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
