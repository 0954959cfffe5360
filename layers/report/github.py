"""GitHub Actions: a run in the log of a workflow, a fold a layer, and errors at their lines."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from layers.report import wording
from layers.report.groups import Groups
from layers.report.plain import PlainReport
from layers.report.workflow import annotation
from layers.runtime.events import Event, Failed, Finished, Output, Started


class GithubReport(PlainReport):
    """Plain lines in folds, with all that steps print; nothing that a log holds is carried out."""

    def __init__(
        self,
        stream: TextIO,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
        token: str = "",
    ) -> None:
        super().__init__(stream, clock=clock)
        self._environ = environ
        self._groups = Groups(self._output.line, token or secrets.token_hex(16))

    def idle(self, names: Sequence[str], seconds: float) -> None:
        """Say that nothing had to be done."""
        if text := wording.idle(names, seconds):
            self._groups.outside(text)

    def close(self) -> None:
        """End the heartbeat, and write what is kept."""
        super().close()
        with self._lock:
            self._groups.close()

    def _show(self, event: Event) -> None:
        if isinstance(event, Failed):
            self._groups.command(annotation(event, self._environ))
        elif isinstance(event, Output):
            super()._show(event)
            self._groups.line(event.layer, f"    | {wording.printable(event.line)}".rstrip())
        else:
            super()._show(event)

    def _begins(self, event: Started) -> None:
        self._groups.begin(event.layer, f"{event.layer}: {wording.started(event)}")

    def _ends(self, event: Finished, text: str) -> None:
        self._groups.end(event.layer, f"{event.layer} {text}")

    def _say(self, layer: str, text: str) -> None:
        inside = self._groups.at_work(layer) or not layer
        self._groups.line(layer, text if inside else f"[{layer}] {text}")
