"""Crash: what is told, and kept to be pasted, when the fault is ours."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import traceback
from importlib import metadata

NAME = "doit-layers"
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PATIENCE = 5.0
"""Seconds for git."""

_bugs: list[str] = []


def bugs() -> list[str]:
    """Paths of the logs that bugs left in this run."""
    return list(_bugs)


def bug_report(error: BaseException | str, root: str) -> str:
    """Write a log to paste into a report, with the traceback and versions; return its path.

    Below ``root`` as ``.layers/logs/bug-<time>.log``. No environment goes into it: it may hold
    secrets.
    """
    import platform

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
    import platform

    name = ""
    with contextlib.suppress(OSError):
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return " ".join(part for part in (platform.system(), platform.machine(), name) if part)


def version() -> str:
    """What is installed: ``0.2.0``; of a checkout, which moves on after that, its commit too.

    That is ``0.1.dev513+g471432d, checkout at 8cf6ce3-dirty``.
    """
    try:
        installed = metadata.version(NAME)
    except metadata.PackageNotFoundError:
        installed = "not installed"
    commit = _commit()
    return f"{installed}, checkout at {commit}" if commit else installed


def _commit() -> str:
    """What git calls the commit that the code lies in; "" for a package, or without git."""
    if not os.path.exists(os.path.join(_ROOT, ".git")):
        return ""
    words = ["git", "-C", _ROOT, "describe", "--always", "--dirty", "--tags"]
    try:
        found = subprocess.run(
            words, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
