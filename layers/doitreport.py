"""What doit itself says during a run: failures as their message alone, bugs as a log to paste."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import traceback
from importlib import metadata
from typing import Any

from doit.exceptions import TaskFailed, UnmetDependency
from doit.reporter import ConsoleReporter

_bugs: list[str] = []


def bugs() -> list[str]:
    """Paths of the logs that bugs left in this run."""
    return list(_bugs)


def bug_report(error: BaseException | str, root: str) -> str:
    """Write a log to paste into a report, with the traceback and versions; return its path.

    Below ``root`` as ``.layers/logs/bug-<time>.log``. No environment goes into it: it may hold
    secrets.
    """
    if isinstance(error, BaseException):
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    else:
        trace = error
    versions = [f"python {platform.python_version()}"]
    for name in ("doit", "doit-layers", "docker", "dockerfile"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} not installed")
    versions.append(f"system {_system()}")
    text = "\n".join([*versions, "", trace.rstrip(), ""])
    stamp = time.strftime("%Y%m%d-%H%M%S")
    folder = os.path.join(root, ".layers", "logs")
    os.makedirs(folder, exist_ok=True)
    number = 1
    while True:
        more = f"-{number}" if number > 1 else ""
        path = os.path.join(folder, f"bug-{stamp}{more}.log")
        try:
            with open(path, "x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except FileExistsError:
            number += 1
            continue
        _bugs.append(path)
        return path


def bug_message(error: BaseException | str, root: str) -> str:
    """What a person is told of a bug; writes the log."""
    if isinstance(error, BaseException):
        lines = traceback.format_exception_only(type(error), error)
    else:
        lines = [line for line in error.splitlines() if line.strip()] or ["unknown"]
    said = lines[-1].strip()
    try:
        path = os.path.relpath(bug_report(error, root), os.getcwd())
    except OSError as failure:
        _bugs.append("")
        return f"This is a bug of doit-layers: {said}\n  (its log cannot be written: {failure})\n"
    return f"This is a bug of doit-layers: {said}\n  Please report it with the contents of {path}\n"


def _system() -> str:
    name = ""
    with contextlib.suppress(OSError):
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return " ".join(part for part in (platform.system(), platform.machine(), name) if part)


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
        sys.stderr.write(text if text.endswith("\n") else f"{text}\n")
        sys.stderr.flush()
