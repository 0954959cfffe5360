"""What an engine tells while it pulls or pushes: one JSON object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from layers.engine.engine import Progress

_PUSHED = re.compile(r"digest: (sha256:[0-9a-f]{64}) size: \d+\Z")
_DONE = frozenset(
    {"Already exists", "Download complete", "Layer already exists", "Pull complete", "Pushed"}
)


def _done(status: str) -> bool:
    return status in _DONE or status.startswith("Mounted from")


@dataclass
class StreamResult:
    """What a stream came to."""

    error: str = ""
    """The engine's own words; empty when all went well."""
    pushed: str = ""
    """Digest that a push ended with; empty for a pull."""
    retrying: set[str] = field(default_factory=set)
    """Layers that the engine itself tried again in vain, as the classic image store does."""


@dataclass
class _Sums:
    done: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def take(self, layer: str, status: str, detail: dict[str, Any]) -> bool:
        """Count one line in; true when a sum moved."""
        before = (self.done.get(layer), self.total.get(layer))
        if status in ("Downloading", "Pushing"):
            current, total = int(detail.get("current") or 0), int(detail.get("total") or 0)
            self.total[layer] = max(total, current, self.total.get(layer, 0))
            self.done[layer] = max(current, self.done.get(layer, 0))
        elif _done(status):
            self.total.setdefault(layer, 0)
            self.done[layer] = self.total[layer]
        return before != (self.done.get(layer), self.total.get(layer))


def follow(chunks: Iterable[bytes], progress: Progress) -> StreamResult:
    """Read a stream to its end; ``progress`` gets bytes summed over all layers.

    The total grows while layers show up; extracting is not counted, its bytes are others.
    """
    sums, outcome = _Sums(), StreamResult()
    for line in _objects(chunks):
        detail = line.get("errorDetail")
        if detail or line.get("error"):
            outcome.error = str((detail or {}).get("message") or line.get("error"))
            continue
        status = str(line.get("status", ""))
        auxiliary = line.get("aux")
        if isinstance(auxiliary, dict) and isinstance(auxiliary.get("Digest"), str):
            outcome.pushed = auxiliary["Digest"]
        elif found := _PUSHED.search(status):
            outcome.pushed = found[1]
        elif status.startswith("Retrying in "):
            outcome.retrying.add(str(line.get("id")))
        elif _done(status):
            outcome.retrying.discard(str(line.get("id")))
        if "id" in line and sums.take(str(line["id"]), status, line.get("progressDetail") or {}):
            progress(sum(sums.done.values()), sum(sums.total.values()))
    return outcome


def _objects(chunks: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, map(_parse, lines))
    if parsed := _parse(rest):
        yield parsed


def _parse(line: bytes) -> dict[str, Any] | None:
    if not line.strip():
        return None
    try:
        parsed = json.loads(line)
    except ValueError:
        return {"error": "the engine's answer breaks off: " + line[:200].decode("utf-8", "replace")}
    return parsed if isinstance(parsed, dict) else None
