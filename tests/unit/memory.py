"""A build context in memory, and short ways to parse and to key a Dockerfile."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from hashes import ContextError, External, Layer, Request, layers, parse
from hashes.context.input import Input
from hashes.dockerfile.frontend import NEWEST, Frontend

FILES = {"a.txt": "1", "dir/d.txt": "2", "sub/b.txt": "3"}


class Memory:
    """Files by path; a source is a path, a folder's path, or a pattern for one level."""

    def __init__(self, files: Mapping[str, str], mode: int = 0o644) -> None:
        self.files = dict(files)
        self.mode = mode

    def copy(
        self, source: str, *, exclude: tuple[str, ...] = (), parents: bool = False
    ) -> tuple[Input, ...]:
        if any(sign in source for sign in "*?["):
            depth = source.count("/")
            return self._inputs(lambda path: path.count("/") == depth and fnmatchcase(path, source))
        return self.mount(source)

    def mount(self, source: str) -> tuple[Input, ...]:
        source = posixpath.normpath(f"/{source}").lstrip("/")
        if source in ("", "."):
            return self.everything()
        found = self._inputs(lambda path: path == source or path.startswith(f"{source}/"))
        if not found:
            raise ContextError(f"{source!r} is not in the build context")
        return found

    def everything(self) -> tuple[Input, ...]:
        return self._inputs(lambda _: True)

    def _inputs(self, wanted: Any) -> tuple[Input, ...]:
        chosen = sorted(filter(wanted, self.files))
        return tuple(Input(path, "file", self.mode, self.files[path]) for path in chosen)


def unpinned(name: str, platform: str) -> External:
    """A base image of which only the name is known."""
    return External(f"unpinned {name}")


def stages(
    text: Any,
    args: Any = None,
    *,
    target: Any = None,
    files: Any = FILES,
    resolve: Any = unpinned,
    frontend: Frontend = NEWEST,
    **more: Any,
) -> Any:
    """The layers of a Dockerfile, by name where a stage has one."""
    raw = text.encode() if isinstance(text, str) else text
    file = parse(raw, "Dockerfile", frontend=frontend)
    sources = files if isinstance(files, Memory) else Memory(files)
    found = layers(Request(file, args or {}, **more), sources, resolve, target)
    return {layer.name or layer.index: layer for layer in found.values()}


def last(text: Any, args: Any = None, **more: Any) -> Layer:
    """The target's layer."""
    layer: Layer = list(stages(text, args, **more).values())[-1]
    return layer


def key(text: Any, args: Any = None, **more: Any) -> str:
    """The target's key."""
    return str(last(text, args, **more).key)
