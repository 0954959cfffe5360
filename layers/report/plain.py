"""Plain lines: a run told to pipes and logs; no line is ever written over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO

from layers.report import wording
from layers.runtime import units
from layers.runtime.events import (
    Event,
    Failed,
    Finished,
    Output,
    Stalled,
    Started,
    Step,
    StepDone,
    Transfer,
    Warned,
)

if TYPE_CHECKING:
    from layers.report.work import Moved

HEARTBEAT = 30.0
"""Seconds of silence of a layer after which a line says that it still works."""


class _Work:
    """A layer at work; times are the clock's."""

    def __init__(self, action: str, spoke: float) -> None:
        self.action = action
        self.spoke = spoke
        self.step: Step | None = None
        self.step_began = 0.0
        self.cached = 0
        self.line = ""
        self.moved: Moved | None = None


class PlainReport:
    """A line at each step's begin and end, and one each half minute of a long step."""

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._output = wording.Output(stream)
        self._clock = clock
        self._lock = threading.Lock()
        self._works: dict[str, _Work] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, event: Event) -> None:
        """Show an event."""
        with self._lock:
            self._show(event)

    def idle(self, names: Sequence[str], seconds: float) -> None:
        """Say that nothing had to be done."""
        text = wording.idle(names, seconds)
        if text:
            with self._lock:
                self._output.line(text)

    def close(self) -> None:
        """End the heartbeat."""
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def beat(self) -> None:
        """Say of each layer that was silent for `HEARTBEAT` seconds what it does."""
        with self._lock:
            now = self._clock()
            for layer, work in self._works.items():
                if now - work.spoke >= HEARTBEAT:
                    work.spoke = now
                    self._say(layer, _still(work, now))

    def _beats(self) -> None:
        while not self._stop.wait(1.0):
            self.beat()

    def _begins(self, event: Started) -> None:
        self._say(event.layer, wording.started(event))

    def _ends(self, event: Finished, text: str) -> None:
        self._say(event.layer, text)

    def _show(self, event: Event) -> None:
        if isinstance(event, Failed):  # its text is the command's last word
            return
        if isinstance(event, Warned):
            text = "\n  ".join(wording.printable(line) for line in event.message.splitlines())
            self._say(event.layer, f"warning: {text}")
            return
        if isinstance(event, Stalled):
            self._say(event.layer, f"warning: {wording.stalled(event)}")
            return
        now = self._clock()
        if isinstance(event, Started):
            self._works[event.layer] = _Work(event.action, now)
            self._begins(event)
            if self._thread is None and not self._stop.is_set():
                self._thread = threading.Thread(target=self._beats, name="heartbeat", daemon=True)
                self._thread.start()
            return
        if isinstance(event, Finished):
            work = self._works.pop(event.layer, None)
            if work is not None:
                if work.action == "prepare":
                    self._end_step(event.layer, work, now, event.ok)
                self._say_cached(event.layer, work)
            moved = work.moved if work is not None and work.step is None else None
            whole = moved.whole(event.seconds) if moved is not None else ""
            self._ends(event, wording.finished(event, whole))
            return
        work = self._works.setdefault(event.layer, _Work("build", now))
        if isinstance(event, Output):
            work.line = wording.printable(event.line) or work.line
        elif isinstance(event, Transfer):
            if work.moved is None:  # an up-to-date run loads nothing for it
                from layers.report.work import Moved

                work.moved = Moved()
            work.moved.take(event.done, event.total, now)
        elif isinstance(event, StepDone):
            self._say_done(event.layer, event.number, event.total, event.seconds, event.ok)
            if work.step is not None and work.step.number == event.number:
                work.step = None
        elif event.cached:
            work.cached += 1
        else:
            if work.action == "prepare":  # steps of ours come one after the other
                self._end_step(event.layer, work, now, True)
            self._say_cached(event.layer, work)
            work.step, work.step_began, work.spoke = event, now, now
            work.line, work.moved = "", None
            name = wording.step_name(event.name)
            self._say(event.layer, f"step {event.number}/{event.total} {name}")

    def _end_step(self, layer: str, work: _Work, now: float, ok: bool) -> None:
        if work.step is not None:
            took = now - work.step_began
            self._say_done(layer, work.step.number, work.step.total, took, ok)
            work.step = None

    def _say_done(self, layer: str, number: int, total: int, took: float, ok: bool) -> None:
        how = "done in" if ok else "failed after"
        self._say(layer, f"step {number}/{total} {how} {units.seconds(took)}")

    def _say_cached(self, layer: str, work: _Work) -> None:
        if work.cached:
            self._say(layer, f"{work.cached} step{'s' if work.cached > 1 else ''} cached")
            work.cached = 0

    def _say(self, layer: str, text: str) -> None:
        self._output.line(f"[{layer}] {text}" if layer else text)


def _still(work: _Work, now: float) -> str:
    if work.step is None:
        text = f"still at it: {work.action}"
    else:
        took = units.seconds(now - work.step_began)
        text = f"step {work.step.number}/{work.step.total} running for {took}"
    if work.moved is not None and (moved := work.moved.texts(now)):
        text += f", {moved[0]}"
    return f"{text}: {wording.step_name(work.line)}" if work.line else text
