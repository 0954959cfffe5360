"""Together: which compose files of a repository belong to each other."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence

from layers.runtime.yaml import Value

MAIN = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""What compose looks for, in its order (github.com/compose-spec/compose-go, cli/options.go)."""
OVERRIDE = (
    *("compose.override.yml", "compose.override.yaml"),
    *("docker-compose.override.yml", "docker-compose.override.yaml"),
)

Values = Mapping[str, Value]
"""What the files hold, by path."""


def completes(values: Values, main: str, path: str) -> bool:
    """Whether a file and the main one are parts of one service: what it is made of stands in
    the one or the other, or its context does.
    """
    for name, each in values[main].items("services"):
        over = values[path].get("services", name)
        if over is None or each.get("extends"):
            continue
        made = each.get("image") or each.get("build")
        if not made or (over.items("build") and not over.get("build", "context")):
            return True
    return False


def mains(root: str, values: Values) -> dict[str, tuple[str, ...]]:
    """By folder: the files that compose takes there when nobody names any."""
    found: dict[str, tuple[str, ...]] = {}
    for folder in sorted({posixpath.dirname(path) for path in values}):
        here = [posixpath.join(folder, name) for name in MAIN]
        over = [posixpath.join(folder, name) for name in OVERRIDE]
        main = [path for path in here if path in values][:1]
        files = (*main, *[path for path in over if path in values][:1]) if main else ()
        if said := _said(root, folder, values):
            files = said
        if files:
            found[folder] = files
    return found


def _said(root: str, folder: str, values: Values) -> tuple[str, ...]:
    """The files that COMPOSE_FILE in a folder's ``.env`` names."""
    try:
        with open(os.path.join(root, folder, ".env"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "COMPOSE_FILE":
            names = value.strip().strip("'\"").split(":")
            files = tuple(posixpath.normpath(posixpath.join(folder, each)) for each in names)
            return files if all(each in values for each in files) else ()
    return ()


def parts(values: Values) -> set[str]:
    """Files that another one includes or extends."""
    found: set[str] = set()
    for path, value in values.items():
        folder = posixpath.dirname(path)
        named = []
        for each in value.list("include"):
            named += [each.data, each.text("path"), *(one.data for one in each.list("path"))]
        named += [service.text("extends", "file") for _, service in value.items("services")]
        for name in named:
            if isinstance(name, str) and name:
                other = posixpath.normpath(posixpath.join(folder, name))
                if other != path:
                    found.add(other)
    return found


def nearest(path: str, mains: Mapping[str, Sequence[str]]) -> str | None:
    """The folder at or above ``path`` that has a main file; None: there is none."""
    folder = posixpath.dirname(path)
    while folder not in mains:
        if not folder:
            return None
        folder = posixpath.dirname(folder)
    return folder
