"""What doit itself says during a run: failures as their message alone, bugs as a log to paste."""

from __future__ import annotations

import os
import sys
from typing import Any

from doit.dependency import JsonDB
from doit.exceptions import TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

from layers.runtime.crash import bug_message


class LayersReporter(ConsoleReporter):  # type: ignore[misc]  # doit ships no types
    """Silent while all goes well: our own events tell of the work."""

    desc = "layers: failures only, each once; the work itself is told by doit-layers"

    def execute_task(self, task: Any) -> None:
        """Say nothing; `events.Started` does."""

    def skip_uptodate(self, task: Any) -> None:
        """Say nothing; the plan was shown."""

    def skip_ignore(self, task: Any) -> None:
        """Say nothing."""

    def add_failure(self, task: Any, fail: Any) -> None:
        """Print a failure's message once, or where the log of a bug is."""
        if not fail.report:
            return
        self.failures.append({"task": task, "exception": fail})
        if isinstance(fail, UnmetDependency):
            self._say(f"{task.name}: not done, because {fail.message} failed")
        elif isinstance(fail, TaskFailed):
            self._say(str(fail.message).rstrip("\n"))
        elif "layer" in (task.meta or {}):
            self._say(bug_message(fail.get_msg(), os.getcwd()))
        else:  # a task of the user's own, in a dodo that has more than ours
            self._say(fail.get_msg())

    def runtime_error(self, msg: str) -> None:
        """A task that doit cannot make sense of."""
        self._say(msg)

    def cleanup_error(self, exception: Any) -> None:
        """A failure while tasks are torn down."""
        self._say(exception.get_msg())

    def complete_run(self) -> None:
        """Say nothing more."""

    def _say(self, text: str) -> None:
        self.outstream.flush()
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from layers.report.workflow import inert

            text = inert(text)
        sys.stderr.write(text if text.endswith("\n") else f"{text}\n")
        sys.stderr.flush()


class NoDatabase(JsonDB):  # type: ignore[misc]  # doit ships no types
    """Holds a run's values in memory, reads no file and leaves none."""

    desc = "in memory only; layers are known by their keys"

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:  # noqa: ARG002
        # not JsonDB's own constructor, which reads the file
        self.name = name
        self.codec = codec
        self._db: dict[str, dict[str, Any]] = {}

    def dump(self) -> None:
        """Write nothing."""
