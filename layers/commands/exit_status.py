"""Exit status: every command of ours ends with a status and a sentence, never with a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from hashes.errors import LayersError
from layers.runtime import signals

MISTAKE = 1
"""The user's mistake, or a build that failed."""
BUG = 3
"""Ours."""
PIPE = 141
"""Whoever read our output went away, as in ``doit list | head``; what a shell says of SIGPIPE."""


def guarded(work: Callable[[], int], root: str) -> int:
    """Run a command's work and turn how it ends into an exit status.

    doit's own complaints about the command line pass through: doit words them.
    """
    from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask

    signals.install()
    try:
        status = work()
        sys.stdout.flush()
        return status
    except (InvalidCommand, InvalidDodoFile, InvalidTask):
        raise
    except LayersError as error:
        sys.stdout.flush()
        sys.stderr.write(f"{_told(error)}\n")
        return MISTAKE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except Exception as error:  # noqa: BLE001 - the last line of defence; the log has it all
        from layers.runtime.disk_errors import disk_fault

        if (told := disk_fault(error)) is not None:
            sys.stderr.write(f"{told}\n")
            return MISTAKE
        from layers.runtime.crash import bug_message

        sys.stderr.write(f"{bug_message(error, root)}\n")
        return BUG


def _told(error: LayersError) -> str:
    """An error's text; in a workflow of GitHub's nothing in it is carried out, and it has a place.

    What went wrong with an image was told of before, by those who show the run.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return str(error)
    from layers.report.workflow import annotation, inert
    from layers.runtime.events import Failed

    text = inert(str(error))
    if not error.file:
        return text
    place = Failed("", error.message, error.file, error.line or 0, remedy=error.hint)
    return f"{text}\n{annotation(place, os.environ)}"
