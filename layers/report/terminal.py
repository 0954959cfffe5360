"""Live rows: a run on a terminal; layers at work below, what is finished above."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import (
    Console,
    ConsoleOptions,
    ConsoleRenderable,
    Group,
    RenderableType,
    RenderResult,
)
from rich.control import Control
from rich.live import Live
from rich.segment import ControlCode, ControlType, Segment
from rich.spinner import Spinner
from rich.text import Text

from layers.report import wording
from layers.report.row import row
from layers.report.work import Work
from layers.runtime.events import Event, Failed, Finished, Stalled, Started, Warned

# DECAWM: a terminal may be narrower already than it says, and a row must not go on below itself
_UNWRAPPED, _WRAPPED = "\x1b[?7l", "\x1b[?7h"


class _Rows(Live):
    """Rows that are drawn over; also after the terminal was made narrower meanwhile."""

    _drawn: tuple[int, Sequence[int]] = (0, ())

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Wipe away what a narrower terminal has folded, too, before rich wipes away its rows."""
        found = super().process_renderables(renderables)
        width, drawn = self._drawn
        size = self.console.size
        self._drawn = size.width, list(_widths(self._live_render.renderable))
        narrower = size.width < width and folds(os.environ)
        more = folded(drawn[: size.height], size.width) if narrower else 0
        up: list[ControlCode] = [
            (ControlType.ERASE_IN_LINE, 2),
            (ControlType.CURSOR_UP, 1),
        ]
        rows_last, before = found[-1:], found[:-1]
        return [Control(*up * more), *before, _Code(_UNWRAPPED), *rows_last, _Code(_WRAPPED)]


class _Code:
    """An escape sequence that takes no cell."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.text, None, [(ControlType.BELL,)])  # any kind: it marks a control


def _widths(shown: RenderableType) -> Iterator[int]:
    if isinstance(shown, Group):  # rich puts what one display shows into a group of its own
        for each in shown.renderables:
            yield from _widths(each)
    elif isinstance(shown, Text):
        yield shown.cell_len


def folds(environ: Mapping[str, str]) -> bool:
    """Whether the terminal folds lines that became too long; the others cut them off."""
    cuts = ("XTERM_VERSION", "STY")  # xterm, and screen inside of whatever
    return "TMUX" in environ or not any(name in environ for name in cuts)


def folded(rows: Sequence[int], width: int) -> int:
    """Lines more that rows of so many cells take on a terminal that became ``width`` cells wide."""
    return sum(max(cells - 1, 0) // max(width, 1) for cells in rows)


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
        self._works: dict[str, Work] = {}
        self._live: _Rows | None = None
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
        if isinstance(event, Failed):  # its text is the command's last word
            return
        if isinstance(event, Started):
            self._works[event.layer] = Work(
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
            ended = self._works.pop(event.layer, None)
            style = "green" if event.ok else "red"
            whole = ended.moved.whole(event.seconds) if ended and ended.step is None else ""
            text = Text.assemble((event.layer, style), f"  {wording.finished(event, whole)}")
            self._print(text)
            if not self._works:  # what others print between two works needs no row below it
                self._end()
            return
        work = self._works.get(event.layer)
        if work is not None:
            work.take(event, self._clock())

    def _end(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()
            atexit.unregister(self.close)

    def _start(self) -> None:
        if self._live is None:
            # a stream that goes to a file stays there
            self._live = _Rows(
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
        return Group(*(row(each, now, width, mark, names, utf=self._utf) for each in works))
