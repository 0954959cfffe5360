"""JSON lines: a run told to programs, one object a line."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from layers.report.wording import Output
from layers.runtime.events import Event


class JsonReport:
    """Writes ``{"event": "started", "time": <Unix seconds>, "layer": …}`` for each event."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.time) -> None:
        self._output = Output(stream)
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write one event; its fields keep their names."""
        fields = event._asdict()
        self._write(type(event).__name__.lower(), fields)

    def idle(self, names: Sequence[str], seconds: float) -> None:
        """Write that nothing had to be done."""
        self._write("idle", {"layers": list(names), "seconds": round(seconds, 3)})

    def close(self) -> None:
        """Nothing to put back."""

    def _write(self, event: str, fields: dict[str, Any]) -> None:
        with self._lock:
            record = {"event": event, "time": round(self._clock(), 3), **fields}
            self._output.line(json.dumps(record))
