"""Crash: what is told, and kept to be pasted, when the fault is ours."""

from __future__ import annotations

import contextlib
import os
import platform
import time
import traceback
from importlib import metadata

from layers.runtime.version import NAME, version

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
    versions = [f"python {platform.python_version()}", f"{NAME} {version()}"]
    for name in ("doit", "docker"):
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
