"""Job summaries: what a run came to, as Markdown below a workflow's jobs; one a run.

Source: GitHub's "Workflow commands", "Adding a job summary".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from layers.report.markdown import code, fenced, plain, table
from layers.report.work import Moved
from layers.report.workflow import in_repository
from layers.runtime import units
from layers.runtime.events import Event, Failed, Finished, Stalled, Started, Step, Transfer, Warned

_SHOWN = 200
"""Rows."""
_LINES = 20
_WIDTH = 300
"""Lines of a failure's log, and characters of one."""
_DID = {"build": "built", "pull": "pulled", "push": "pushed", "assemble": "assembled"}


class Row(NamedTuple):
    """One piece of work on a layer."""

    layer: str
    action: str
    reason: str
    ran: int
    cached: int
    moved: str
    """Bytes and speed; empty: it moved none."""
    expected: float | None
    finished: Finished


class Summary:
    """Hears a run, and tells of all of it in the end; safe for several threads."""

    def __init__(self, command: str, environ: Mapping[str, str]) -> None:
        self._command = command
        self._environ = environ
        self._lock = threading.Lock()
        self._begun: dict[tuple[str, str], Started] = {}
        self._steps: dict[str, list[int]] = {}
        self._moved: dict[str, Moved] = {}
        self.rows: list[Row] = []
        self.failures: list[Failed] = []
        self.warnings: list[str] = []
        self._idle: tuple[str, ...] = ()
        self._notes: list[str] = []
        self._instead = ""

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        with self._lock:
            self._take(event)

    def idle(self, names: Sequence[str]) -> None:
        """Nothing had to be done for ``names``."""
        self._idle = tuple(names)

    def add(self, title: str, text: str) -> None:
        """A part of its own, such as the services of a stack, with lines as they were shown."""
        self._notes.append(f"## {plain(title)}\n\n{_block(text.splitlines())}")

    def failed(self, message: str) -> None:
        """The command ended with a mistake, or an error; what was told as an event is not again."""
        first = message.partition("\n")[0]
        if not any(each.message in first for each in self.failures):
            self.failures.append(Failed("", first, cause=message.partition("\n")[2].strip()))

    def instead(self, text: str) -> None:
        """Markdown that stands in place of what was heard."""
        self._instead = text

    def markdown(self) -> str:
        """All of it."""
        if self._instead:
            return self._instead
        parts = [f"# {plain(self._command)}: {plain(self._verdict())}"]
        parts += [self._failure(each) for each in self.failures]
        if self.rows:
            head = ("Layer", "Work", "Why", "Time", "Before", "Steps run", "Bytes")
            parts += table(head, [_cells(row) for row in self.rows], _SHOWN)
        elif self._idle:
            parts.append(f"Up to date: {', '.join(map(code, self._idle))}")
        parts += self._notes
        if self.warnings:
            parts.append("\n".join(["## Warnings", "", *(f"- {plain(t)}" for t in self.warnings)]))
        return "\n\n".join(parts) + "\n"

    def _take(self, event: Event) -> None:
        if isinstance(event, Started):
            self._begun[event.layer, event.action] = event
            self._steps[event.layer] = [0, 0]
            self._moved.pop(event.layer, None)
        elif isinstance(event, Step):
            self._steps.setdefault(event.layer, [0, 0])[event.cached] += 1
        elif isinstance(event, Transfer):
            self._moved.setdefault(event.layer, Moved()).take(event.done, event.total, 0.0)
        elif isinstance(event, Finished):
            begun = self._begun.pop((event.layer, event.action), None)
            ran, cached = self._steps.pop(event.layer, [0, 0])
            moved = self._moved.pop(event.layer, Moved()).whole(event.seconds)
            reason = begun.reason if begun is not None else ""
            expected = begun.expected if begun is not None else None
            self.rows.append(
                Row(event.layer, event.action, reason, ran, cached, moved, expected, event)
            )
        elif isinstance(event, Failed):
            self.failures.append(event)
        elif isinstance(event, Stalled):
            self.warnings.append(
                f"{event.layer}: nothing printed for {units.seconds(event.seconds)}"
            )
        elif isinstance(event, Warned):
            lead = f"{event.layer}: " if event.layer else ""
            self.warnings.append(f"{lead}{event.message}")

    def _verdict(self) -> str:
        told = []
        if self.failures:
            told.append(f"{len(self.failures)} failed")
        for action, word in _DID.items():
            number = sum(row.action == action and row.finished.ok for row in self.rows)
            told += [f"{number} {word}"] if number else []
        return ", ".join(told) or "nothing had to be done"

    def _failure(self, event: Failed) -> str:
        place = in_repository(event.file, self._environ) if event.file else ""
        place += f":{event.line}" if place and event.line else ""
        lead = f"{code(event.layer)}: " if event.layer else ""
        lines = [f"- {lead}{plain(event.message)}{f', {code(place)}' if place else ''}"]
        for head, text in (
            ("Step", event.step),
            ("Command", event.command),
            ("Cause", event.cause),
            # what was refused before a build may hint at its line instead
            ("What to do" if event.step else "", event.remedy),
        ):
            shown = code(text[:_WIDTH]) if head in ("Step", "Command") else plain(text)
            lines += [f"  - {head}: {shown}" if head else f"  - {shown}"] if text else []
        if event.lines:
            lines += ["", fenced(line[:_WIDTH] for line in event.lines[-_LINES:])]
        return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    how = row.action if row.finished.ok else f"**{row.action} failed**"
    steps = f"{row.ran} ({row.cached} cached)" if row.ran or row.cached else ""
    expected = units.about(row.expected) if row.expected is not None else ""
    took = units.seconds(row.finished.seconds)
    return code(row.layer), how, plain(row.reason), took, expected, steps, row.moved


def _block(lines: Sequence[str]) -> str:
    return "\n".join(line[2:] for line in fenced(lines).splitlines())
