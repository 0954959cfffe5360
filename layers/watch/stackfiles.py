"""Stack files: what compose reads for a stack beside images: files, ``include``, ``env_file``."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator

from hashes.errors import LayersError
from layers.runtime.yaml import Value, read_yaml


def stack_files(paths: Iterable[str]) -> tuple[str, ...]:
    """Compose files and all that they name, sorted; those that are not there, too.

    A file that is no YAML names nothing, as far as can be told.
    """
    found: set[str] = set()
    todo = list(paths)
    while todo:
        path = os.path.normpath(todo.pop())
        if path in found:
            continue
        found |= {path, os.path.join(os.path.dirname(path), ".env")}
        try:
            value = read_yaml(path, path)
        except LayersError:
            continue
        folder = os.path.dirname(path)
        todo += [os.path.join(folder, each) for each in _composed(value)]
        found |= {os.path.normpath(os.path.join(folder, each)) for each in _environments(value)}
    return tuple(sorted(found))


def _composed(value: Value) -> Iterator[str]:
    """Other compose files that one takes something from."""
    for each in value.list("include"):
        yield from _paths(each)
        yield from _paths(each.get("path"))
    for _, service in value.items("services"):
        if name := service.text("extends", "file"):
            yield name


def _environments(value: Value) -> Iterator[str]:
    for each in (*value.list("include"), *(service for _, service in value.items("services"))):
        yield from _paths(each.get("env_file"))


def _paths(value: Value | None) -> Iterator[str]:
    """A path, or several, or mappings with one each."""
    if value is None:
        return
    if isinstance(value.data, str):
        yield value.data
    for each in value.list():
        yield from _paths(each)
        yield from filter(None, [each.text("path")])


def fingerprint(paths: Iterable[str]) -> str:
    """The same text for the same files with the same bytes; one that cannot be read counts, too."""
    state = hashlib.sha256()
    for path in paths:
        try:
            with open(path, "rb") as file:
                content = hashlib.sha256(file.read()).hexdigest()
        except OSError:
            content = "-"
        state.update(f"{path}\0{content}\0".encode("utf-8", "surrogateescape"))
    return state.hexdigest()
