"""Lines of a child: its lines as they come, and that none came."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, SimpleQueue


def lines(stream: Iterable[str], tick: float) -> Iterator[str]:
    """Each line of ``stream``, and "" whenever ``tick`` seconds went by without one.

    A thread reads to the end of the stream, also when nobody takes the lines any more: a child
    that is being ended must not wait for its reader.
    """
    queue: SimpleQueue[str | None] = SimpleQueue()
    threading.Thread(target=_read, args=(stream, queue), name="lines", daemon=True).start()
    while True:
        try:
            line = queue.get(timeout=tick)
        except Empty:
            yield ""
            continue
        if line is None:
            return
        yield line


def _read(stream: Iterable[str], queue: SimpleQueue[str | None]) -> None:
    try:
        for line in stream:
            queue.put(line)
    except (OSError, ValueError):  # ValueError: it was closed meanwhile
        pass
    finally:
        queue.put(None)
