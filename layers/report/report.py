"""Report: shows a run to whoever watches, in the form that fits where they watch."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TextIO

from hashes.errors import LayersError
from layers.report.plain import PlainReport
from layers.runtime.events import Event, Started

if TYPE_CHECKING:
    from layers.report.summary import Summary


class Report(Protocol):
    """A listener of events that is closed when the run is over; safe for several threads."""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        ...

    def idle(self, names: Sequence[str], seconds: float) -> None:
        """Show that nothing had to be done."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was; may be called twice."""
        ...


def report_for(
    stream: TextIO, *, json: bool = False, env: Mapping[str, str] | None = None
) -> Report:
    """JSON lines when asked for, folds in GitHub's log, live rows on a terminal, else plain lines.

    ``env`` tells of terminals that cannot do it (``TERM``) and of build servers (``CI``).
    """
    env = os.environ if env is None else env
    if json:
        from layers.report.json_lines import JsonReport

        return JsonReport(stream)
    if env.get("GITHUB_ACTIONS") == "true":
        from layers.report.github import GithubReport

        return GithubReport(stream, env)
    if stream.isatty() and env.get("TERM", "") not in ("", "dumb") and not env.get("CI"):
        return _Terminal(stream)
    return PlainReport(stream)


@contextlib.contextmanager
def summarized(command: str, env: Mapping[str, str] | None = None) -> Iterator[Summary | None]:
    """What sums up ``command`` where GitHub asks for that, else None; written at the block's end.

    It is added to the file in GITHUB_STEP_SUMMARY, behind what other steps wrote.  Raises OSError.
    """
    env = os.environ if env is None else env
    path = env.get("GITHUB_STEP_SUMMARY", "")
    if not path:
        yield None
        return
    from layers.report.summary import Summary

    summary = Summary(command, env)
    try:
        yield summary
    except LayersError as error:
        summary.failed(str(error))
        raise
    finally:
        with open(path, "a", encoding="utf-8") as file:
            file.write(summary.markdown() + "\n")


def heard(report: Report, summary: Summary | None) -> Report:
    """A report of which all is summed up, too."""
    return report if summary is None else _Heard(report, summary)


class _Heard:
    def __init__(self, report: Report, summary: Summary) -> None:
        self._report = report
        self._summary = summary

    def __call__(self, event: Event) -> None:
        self._summary(event)
        self._report(event)

    def idle(self, names: Sequence[str], seconds: float) -> None:
        self._summary.idle(names)
        self._report.idle(names, seconds)

    def close(self) -> None:
        self._report.close()


class _Terminal:
    """Loads rich (30 to 40 ms) when the first work begins: an up-to-date run goes without."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._plain = PlainReport(stream)
        self._report: Report = self._plain
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started) and self._report is self._plain:
            with self._lock:  # two layers may begin at once, and a terminal has one set of rows
                if self._report is self._plain:
                    from layers.report.terminal import RichReport

                    self._report = RichReport(self._stream)
        self._report(event)

    def idle(self, names: Sequence[str], seconds: float) -> None:
        self._report.idle(names, seconds)

    def close(self) -> None:
        self._report.close()
