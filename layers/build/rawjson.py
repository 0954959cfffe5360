"""BuildKit's own record of a build: which steps there were, which ran, what they printed."""

from __future__ import annotations

import base64
import calendar
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from layers.build.stall import LAST_LINES, Work
from layers.runtime.events import Event, Output, Step, StepDone, Transfer


@dataclass
class Vertex:
    """One step as BuildKit tells it (``client.Vertex`` in moby/buildkit)."""

    name: str
    number: int = 0
    """Its place among the steps that began, from 1; 0 before it begins."""
    started: bool = False
    completed: bool = False
    cached: bool = False
    error: str = ""
    lines: list[str] = field(default_factory=list)
    """What it printed, the last `KEPT_LINES` of it."""
    heard: int = 0
    """How often anything was told of it: its begin, output, bytes that it moved."""

    @property
    def internal(self) -> bool:
        """True for BuildKit's own chores: loading files, resolving names, exporting."""
        return not self.name.startswith("[") or self.name.startswith(("[internal]", "[context "))

    @property
    def instruction(self) -> str:
        """The step without its ``[stage n/m]`` prefix."""
        return self.name.partition("] ")[2] or self.name


KEPT_LINES = 200


class BuildLog:
    """Reads ``--progress=rawjson`` line by line and remembers what came of each step."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.vertices: dict[str, Vertex] = {}
        self.tail: list[str] = []
        """What the CLI printed besides: the excerpt of the Dockerfile and the error."""
        self._pending: list[str] = []
        self._partial: dict[str, str] = {}
        self._bytes: dict[tuple[str, str], tuple[int, int]] = {}
        """Done and in all, of each blob that a step fetches."""

    def ran(self) -> tuple[str, ...]:
        """Names of the steps of the Dockerfile that really ran, that is were not cached."""
        return tuple(
            vertex.name
            for vertex in self.vertices.values()
            if vertex.completed and not vertex.cached and not vertex.internal and not vertex.error
        )

    def failed(self) -> Vertex | None:
        """The step that failed; steps that were only cancelled along with it do not count."""
        failures = [vertex for vertex in self.vertices.values() if vertex.error]
        true = [vertex for vertex in failures if "context canceled" not in vertex.error]
        return next(iter(true or failures), None)

    def at_work(self) -> dict[str, Work]:
        """What runs now: steps of the Dockerfile, or else BuildKit's own chores, or the build."""
        running = {
            digest: vertex
            for digest, vertex in self.vertices.items()
            if vertex.started and not vertex.completed
        }
        steps = {digest: vertex for digest, vertex in running.items() if not vertex.internal}
        if not running:
            return {"": Work("", sum(vertex.heard for vertex in self.vertices.values()))}
        total = sum(not vertex.internal for vertex in self.vertices.values())
        return {
            digest: Work(vertex.name, vertex.heard, vertex.number, total, self._printed(digest))
            for digest, vertex in (steps or running).items()
        }

    def _printed(self, digest: str) -> tuple[str, ...]:
        """The last lines of a step, with the one that has no end yet, such as a question."""
        rest = self._partial.get(digest, "").rpartition("\r")[2]
        lines = self.vertices[digest].lines[-LAST_LINES:]
        return (*lines, rest) if rest.strip() else tuple(lines)

    def feed(self, line: str) -> Iterator[Event]:
        """Take one line of output and tell what it means."""
        text = line.rstrip("\n")
        # buildx 0.13 prints each object over many lines, newer ones on one.
        if not self._pending and not text.startswith("{"):
            if text.strip():
                self.tail.append(text)
            return
        self._pending.append(text)
        if not text.endswith("}") or (text != "}" and len(self._pending) > 1):
            return
        try:
            update = json.loads("\n".join(self._pending))
        except ValueError:
            return
        self._pending.clear()
        yield from self._update(update)

    def _update(self, update: dict[str, Any]) -> Iterator[Event]:
        for told in update.get("vertexes") or ():
            yield from self._vertex(told)
        for part in ("statuses", "logs"):
            for told in update.get(part) or ():
                if told.get("vertex") in self.vertices:
                    self.vertices[told["vertex"]].heard += 1
        yield from self._fetched(update.get("statuses") or ())
        for log in update.get("logs") or ():
            digest = log["vertex"]
            data = base64.b64decode(log.get("data") or "").decode("utf-8", "replace")
            *lines, rest = (self._partial.get(digest, "") + data).split("\n")
            self._partial[digest] = rest
            for line in lines:
                yield from self._line(digest, line)
        for warning in update.get("warnings") or ():
            short = base64.b64decode(warning.get("short") or "").decode("utf-8", "replace")
            if short:
                yield Output(self.layer, f"warning: {short}")

    def _fetched(self, statuses: Iterable[dict[str, Any]]) -> Iterator[Event]:
        """Bytes that steps fetch, as a FROM does whose image is not there yet."""
        before = dict(self._bytes)
        for told in statuses:
            vertex, total = self.vertices.get(told.get("vertex", "")), told.get("total") or 0
            if vertex is not None and not vertex.internal and total > 0:
                done = total if told.get("completed") else told.get("current") or 0
                self._bytes[told["vertex"], str(told.get("id"))] = min(done, total), total
        if self._bytes != before:
            done, total = (sum(column) for column in zip(*self._bytes.values(), strict=True))
            yield Transfer(self.layer, done, total)

    def _vertex(self, told: dict[str, Any]) -> Iterator[Event]:
        digest = told["digest"]
        vertex = self.vertices.setdefault(digest, Vertex(told.get("name", "")))
        news = not vertex.started and bool(told.get("started"))
        done = not vertex.completed and bool(told.get("completed"))
        vertex.heard += 1
        vertex.started = vertex.started or news
        vertex.completed = vertex.completed or done
        vertex.cached = vertex.cached or bool(told.get("cached"))
        vertex.error = vertex.error or told.get("error", "")
        if done and self._partial.get(digest):
            yield from self._line(digest, self._partial.pop(digest))
        if vertex.internal:
            return
        steps = [each for each in self.vertices.values() if not each.internal]
        if news:
            vertex.number = sum(each.started for each in steps)
            yield Step(self.layer, vertex.number, len(steps), vertex.name, vertex.cached)
        if done and not vertex.cached and "context canceled" not in vertex.error:
            took = _seconds(told["completed"]) - _seconds(told.get("started") or told["completed"])
            ok = not vertex.error
            yield StepDone(self.layer, vertex.number, len(steps), max(took, 0.0), ok)

    def _line(self, digest: str, line: str) -> Iterator[Event]:
        line = line.rpartition("\r")[2] if not line.endswith("\r") else line[:-1]
        vertex = self.vertices.get(digest)
        if vertex is not None:
            vertex.lines.append(line)
            del vertex.lines[:-KEPT_LINES]
        yield Output(self.layer, line)


def _seconds(stamp: str) -> float:
    """A timestamp as BuildKit writes it, nanoseconds and all (RFC 3339, UTC), in seconds."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    try:
        day = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
        return day + float(f"0.{fraction or 0}")
    except ValueError:
        return 0.0
