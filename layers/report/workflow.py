"""Workflow commands: how a log tells GitHub Actions of groups and of errors in files.

Source: GitHub's "Workflow commands", and how actions/runner reads a line: ``::NAME …::`` at its
beginning, ``##[NAME …]`` anywhere in it, and neither while commands are stopped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from layers.runtime.events import Failed

_BEGINS = re.compile(r"(?:\A|(?<=[\r\n]))\s*::")
LONGEST = 4000
"""Characters of an annotation."""


def command(name: str, data: str = "", **properties: str | int) -> str:
    """A line that the runner carries out; ``data`` and properties may hold whatever."""
    given = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items() if value)
    return f"::{name}{' ' if given else ''}{given}::{_data(data)}"


def inert(text: str) -> str:
    """``text`` with nothing in it that the runner, or the page that shows a log, would obey."""
    return _BEGINS.sub("\u200b\\g<0>", text.replace("##[", "##\u200b["))


def annotation(event: Failed, environ: Mapping[str, str]) -> str:
    """The command that shows a failure at its line of the Dockerfile."""
    title = f"{event.layer}: {event.message}" if event.layer else event.message
    told = [event.step, event.cause, event.remedy]
    if event.step and not event.cause:
        told += event.lines[-10:]
    text = "\n".join(filter(None, told)) or event.message
    place = in_repository(event.file, environ) if event.file else ""
    return command("error", text[:LONGEST], file=place, line=event.line, title=title)


def in_repository(file: str, environ: Mapping[str, str]) -> str:
    """A path as GitHub knows it, from the top of the checkout; as it is where that is unknown."""
    top = environ.get("GITHUB_WORKSPACE", "")
    if not top:
        return file
    path = os.path.relpath(os.path.realpath(file), os.path.realpath(top))
    return file if path.startswith("..") else path


def on_github(environ: Mapping[str, str]) -> bool:
    """Whether a workflow runs us."""
    return environ.get("GITHUB_ACTIONS") == "true"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
