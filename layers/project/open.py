"""Opening: the project that a command line means."""

from __future__ import annotations

import os

import doit

from layers.config.spec import SPEC_FILE
from layers.project.project import Project


def find_root(start: str) -> str:
    """The nearest folder at or above ``start`` that holds ``images.toml``, else ``start``."""
    folder = os.path.abspath(start)
    while True:
        if os.path.isfile(os.path.join(folder, SPEC_FILE)):
            return folder
        above = os.path.dirname(folder)
        if above == folder:
            return os.path.abspath(start)
        folder = above


def open_project(root: str | None = None) -> Project:
    """The project at or above where we stand, under ``profile=NAME`` or else LAYERS_PROFILE."""
    profile = doit.get_var("profile") or os.environ.get("LAYERS_PROFILE") or None
    return Project(root or find_root(os.getcwd()), profile=profile)
