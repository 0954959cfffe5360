"""Live rows: a run on a terminal; layers at work below, what is finished above."""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from layers.report import wording
from layers.runtime import units
from layers.runtime.events import (
    Event,
    Finished,
    Output,
    Stalled,
    Started,
    Step,
    StepDone,
    Transfer,
    Warned,
)

_NARROWEST = 10  # columns; below that a row is cut without sense for its parts


@dataclass
class _Work:
    """A layer at work; ``began`` is the clock's, ``expected`` in seconds."""

    layer: str
    action: str
    began: float
    expected: float | None
    step: Step | None = None
    done: int = 0
    total: int = 0

    def doing(self) -> str:
        """What it does now, in a few words."""
        if self.done:
            total = f" of {units.size(self.total)}" if self.total else ""
            return f"{self.action} {units.size(self.done)}{total}"
        if self.step is not None:
            name = wording.step_name(self.step.name, 1000)
            return f"step {self.step.number}/{self.step.total} {name}"
        return self.action

    def clock(self, now: float) -> str:
        """How long it has been at it, and how long that took before."""
        text = units.clock(now - self.began)
        if self.expected is not None:
            text += f" of about {units.clock(self.expected)}"
        return text


class RichReport:
    """Rows that move; the cursor is shown again by `close`, and at exit whatever happens."""

    def __init__(
        self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, refresh: bool = True
    ) -> None:
        # pinned: a Console without a file writes to whatever sys.stdout is at the time
        self._console = Console(file=stream, highlight=False, emoji=False, markup=False)
        self._clock = clock
        self._refresh = refresh
        self._lock = threading.RLock()
        self._works: dict[str, _Work] = {}
        self._live: Live | None = None
        utf = (self._console.encoding or "").lower().startswith("utf")
        self._spinner = Spinner("dots" if utf else "line")
        self._utf = utf

    def __call__(self, event: Event) -> None:
        """Show an event."""
        with self._lock:
            self._show(event)
            if self._live is not None and not self._refresh:
                self._live.refresh()

    def idle(self, names: Sequence[str], seconds: float) -> None:
        """Say that nothing had to be done."""
        text = wording.idle(names, seconds)
        if text:
            self._console.print(text, soft_wrap=True)

    def close(self) -> None:
        """Take the rows away and show the cursor."""
        with self._lock:
            self._works.clear()
            self._end()

    def _show(self, event: Event) -> None:
        if isinstance(event, Started):
            self._works[event.layer] = _Work(
                event.layer, event.action, self._clock(), event.expected
            )
            self._start()
            return
        if isinstance(event, Warned):
            prefix = f"{event.layer}: " if event.layer else ""
            lines = [wording.printable(line) for line in event.message.splitlines()]
            self._print(Text.assemble(("warning", "yellow"), f": {prefix}" + "\n  ".join(lines)))
            return
        if isinstance(event, Stalled):
            said = f": {event.layer}: {wording.stalled(event)}"
            self._print(Text.assemble(("warning", "yellow"), said))
            return
        if isinstance(event, Finished):
            self._works.pop(event.layer, None)
            style = "green" if event.ok else "red"
            text = Text.assemble((event.layer, style), f"  {wording.finished(event)}")
            self._print(text)
            if not self._works:  # what others print between two works needs no row below it
                self._end()
            return
        work = self._works.get(event.layer)
        if work is None or isinstance(event, Output | StepDone):
            return
        if isinstance(event, Transfer):
            work.done, work.total = event.done, event.total
        else:
            work.step, work.done = event, 0

    def _end(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            atexit.unregister(self.close)

    def _start(self) -> None:
        if self._live is None:
            # a stream that goes to a file stays there
            self._live = Live(
                console=self._console,
                get_renderable=self._rows,
                transient=True,
                auto_refresh=self._refresh,
                refresh_per_second=10,
                redirect_stdout=sys.stdout.isatty(),
                redirect_stderr=sys.stderr.isatty(),
            )
            atexit.register(self.close)
            self._live.start()

    def _print(self, text: Text) -> None:
        if self._live is not None:
            self._live.refresh()  # else the rows of before are drawn once more below the text
        self._console.print(text, soft_wrap=True)

    def _rows(self) -> Group:
        # a copy made at once: this runs in rich's own thread, which must not wait for the lock
        # (events print under the lock, and printing waits for rich's)
        works = list(self._works.values())
        now = self._clock()
        width = self._console.width
        frame = self._spinner.render(now)
        mark = frame.plain if isinstance(frame, Text) else "-"
        names = max((cell_len(work.layer) for work in works), default=0)
        return Group(*(self._row(work, now, width, mark, names) for work in works))

    def _row(self, work: _Work, now: float, width: int, mark: str, names: int) -> Text:
        name = set_cell_size(work.layer, min(names, max(width // 3, _NARROWEST)))
        clock = work.clock(now)
        head = f"{mark} {name}  "
        room = width - cell_len(head) - cell_len(clock) - 2
        if room < _NARROWEST:
            clock = units.clock(now - work.began)
            room = width - cell_len(head) - cell_len(clock) - 2
        if room < 1:
            return Text(set_cell_size(f"{mark} {work.layer}", width), no_wrap=True)
        doing = work.doing()
        if cell_len(doing) > room:
            doing = set_cell_size(doing, room - 1) + ("…" if self._utf else "~")
        doing = set_cell_size(doing, room)
        text = Text.assemble((mark, "cyan"), f" {name}  {doing}  ", (clock, "dim"))
        text.no_wrap = True
        return text
