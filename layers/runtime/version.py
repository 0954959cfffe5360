"""Version: what of doit-layers this is, for logs and reports."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata

NAME = "doit-layers"
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PATIENCE = 5.0
"""Seconds for git."""


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
