"""Work: a layer at work as it stands: its step, its last line, and the bytes that it moves."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from layers.report import wording
from layers.runtime import units
from layers.runtime.events import Event, Output, Step, StepDone, Transfer

WINDOW = 5.0
"""Seconds over which a rate is taken."""
_SOONEST = 1.0
"""Seconds after which there is one."""


@dataclass
class Moved:
    """Bytes of a pull or push so far; times are of any clock that does not go back."""

    done: int = 0
    total: int = 0
    """0: nobody knows."""
    _samples: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, done: int, total: int, now: float) -> None:
        """Note where it stands."""
        self.done, self.total = done, total
        self._samples.append((now, done))
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    def rate(self, now: float) -> float | None:
        """Bytes a second of late; None where it has not gone on for long enough to tell."""
        if not self._samples or now - self._samples[0][0] < _SOONEST:
            return None
        begin, before = self._samples[0]
        return max(self.done - before, 0) / (now - begin)

    def left(self, now: float) -> float | None:
        """Seconds that the rest will take at that rate."""
        rate = self.rate(now)
        return (self.total - self.done) / rate if self.total > self.done and rate else None

    def texts(self, now: float) -> list[str]:
        """``120 MB of 355 MB, 12 MB/s``, then the same with less and less; none before a byte."""
        texts = [units.size(self.done)] if self.done else []
        if self.done and self.total:
            texts.append(f"{texts[0]} of {units.size(self.total)}")
        rate = self.rate(now)
        if texts and rate is not None:
            texts.append(f"{texts[-1]}, {units.size(round(rate))}/s")
        return texts[::-1]

    def whole(self, seconds: float) -> str:
        """What it came to: ``355 MB, 8.3 MB/s``; empty where nothing was moved."""
        if not self.done:
            return ""
        text = units.size(self.done)
        return f"{text}, {units.size(round(self.done / seconds))}/s" if seconds > 0 else text


@dataclass
class Work:
    """A layer at work; ``began`` is the clock's, ``expected`` in seconds."""

    layer: str
    action: str
    began: float
    expected: float | None = None
    line: str = ""
    """What it printed last."""
    moved: Moved = field(default_factory=Moved)
    _last: Step | None = None
    _running: dict[int, Step] = field(default_factory=dict)

    def take(self, event: Event, now: float) -> None:
        """Note what was told of it."""
        if isinstance(event, Output):
            self.line = wording.printable(event.line) or self.line
        elif isinstance(event, Transfer):
            self.moved.take(event.done, event.total, now)
        elif isinstance(event, StepDone):
            self._running.pop(event.number, None)
        elif isinstance(event, Step):
            self._last = event
            if event.cached:
                return
            if self.action == "prepare":  # steps of ours come one after the other
                self._running.clear()
            self._running[event.number] = event
            self.line, self.moved = "", Moved()

    @property
    def step(self) -> Step | None:
        """The step that began last of those that run, or else the last one that there was."""
        return next(reversed(self._running.values()), self._last)

    def doing(self, now: float) -> list[str]:
        """What it does now, in a few words; each text is shorter than the one before."""
        step, moved = self.step, [*self.moved.texts(now), ""]
        head = self.action
        if step is not None:
            head = f"step {step.number}/{step.total} {wording.step_name(step.name, 1000)}"
        gap = "  " if step is not None else " "
        return [f"{head}{gap}{text}".rstrip() for text in moved]

    def clock(self, now: float) -> str:
        """How long it has been at it, and how long that took before, or will at this rate."""
        spent = now - self.began
        expected = self.expected
        if expected is None and self.step is None:
            left = self.moved.left(now)
            expected = spent + left if left is not None else None
        text = units.clock(spent)
        return f"{text} of about {units.clock(expected)}" if expected is not None else text
