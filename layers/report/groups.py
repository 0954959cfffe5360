"""Groups: lines of work that goes on side by side, as folds of a log that stand one by one.

A log has no folds in folds. So one piece of work writes as it goes, and what runs beside it is
kept until that is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from layers.report.workflow import command, inert


@dataclass
class _Group:
    title: str
    lines: list[str] = field(default_factory=list)
    last: str = ""
    """What is told below the fold."""
    over: bool = False


class Groups:
    """Folds of a log; ``token`` is a word that no log can hold, under which commands rest."""

    def __init__(self, write: Callable[[str], None], token: str) -> None:
        self._write = write
        self._token = token
        self._at_work: dict[str, _Group] = {}
        self._queue: list[_Group] = []
        """As they began; the first of them is open and writes as it goes."""
        self._later: list[str] = []

    def begin(self, name: str, title: str) -> None:
        """Work begins; where ``name`` is at work already, that is a line of it."""
        if name in self._at_work:
            self.line(name, title)
            return
        self._at_work[name] = group = _Group(title)
        self._queue.append(group)
        if group is self._queue[0]:
            self._open(group)

    def at_work(self, name: str) -> bool:
        """Whether lines of ``name`` have a fold."""
        return name in self._at_work

    def line(self, name: str, text: str) -> None:
        """A line of some work, or, where that is unknown, of none."""
        group = self._at_work.get(name)
        if group is None:
            self.outside(text)
        elif group is self._queue[0]:
            self._write(text)
        else:
            group.lines.append(text)

    def end(self, name: str, last: str) -> None:
        """Work is over; ``last`` stands below its fold."""
        group = self._at_work.pop(name, None)
        if group is None:
            self.outside(last)
            return
        group.last, group.over = last, True
        self._go_on()

    def outside(self, text: str) -> None:
        """A line that must not be folded away; it waits for the end of the fold that is open."""
        if self._queue:
            self._later.append(text)
        else:
            self._write(inert(text))

    def command(self, text: str) -> None:
        """Have the runner carry out a command now."""
        if self._queue:
            self._write(command(self._token))
        self._write(text)
        if self._queue:
            self._write(command("stop-commands", self._token))

    def close(self) -> None:
        """Write all that is kept."""
        for name in list(self._at_work):
            self.end(name, "")

    def _open(self, group: _Group) -> None:
        self._write(command("group", inert(group.title)))
        self._write(command("stop-commands", self._token))
        for text in group.lines:
            self._write(text)
        group.lines.clear()

    def _go_on(self) -> None:
        """Close the first where it is over, and open the next one."""
        while self._queue and self._queue[0].over:
            group = self._queue.pop(0)
            self._write(command(self._token))
            self._write(command("endgroup"))
            for text in [group.last, *self._later]:
                if text:
                    self._write(inert(text))
            self._later.clear()
            if self._queue:
                self._open(self._queue[0])
