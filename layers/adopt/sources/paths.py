"""Paths as build files write them, relative to the root."""

from __future__ import annotations

import os
import re

_REMOTE = re.compile(r"^(?:[a-z][a-z0-9+.-]*://|git@|github\.com/|docker-image:)|\.git(?:#|$)")


def is_remote(context: str) -> bool:
    """Whether a context is no folder of this machine."""
    return bool(_REMOTE.search(context))


def relative(root: str, path: str) -> str:
    """``path``, absolute or relative to the root, as images.toml writes it; ``..`` may lead it."""
    text = os.path.normpath(os.path.join(root, path))
    return os.path.relpath(text, root).replace(os.sep, "/")


def leads_out(path: str) -> bool:
    """Whether a relative path leads out of the root."""
    return path == ".." or path.startswith("../")
