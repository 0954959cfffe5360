"""Opening: the project that a command line means."""

from __future__ import annotations

import os

import doit

from layers.project import Project, find_root


def open_project(root: str | None = None) -> Project:
    """The project at or above where we stand, under ``profile=NAME`` or else LAYERS_PROFILE."""
    profile = doit.get_var("profile") or os.environ.get("LAYERS_PROFILE") or None
    return Project(root or find_root(os.getcwd()), profile=profile)
