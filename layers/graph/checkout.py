"""Checkouts: what git has not brought into the folders that are built: LFS files, submodules."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from hashes.errors import ContextError
from hashes.manifest import Entry, Manifest
from layers.config.spec import Image

_POINTER = b"version https://git-lfs.github.com/spec/"
"""How a pointer begins (git-lfs, docs/spec.md)."""
_SIZES = range(120, 200)
"""Bytes of a pointer without extensions: its digest is 64 digits long."""
_READ = frozenset(("source", "mount"))
_MODULES = ".gitmodules"


class Lack(NamedTuple):
    """Something that an instruction reads and that is not what it should be."""

    path: str
    """Relative to the project."""
    line: int
    """Of the instruction in the Dockerfile."""


class Checkout:
    """The project's folders as git left them; looks only where something is to be built."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._known: dict[str, bool] = {}
        """By what a file holds: whether that is a pointer."""

    def pointers(self, image: Image, manifests: Iterable[Manifest]) -> tuple[Lack, ...]:
        """Files that the manifests' steps copy and that Git LFS has yet to fetch, each once."""
        found: dict[str, Lack] = {}
        for folder, entry in _of_contexts(image, manifests):
            if entry.kind == "file" and self._is_pointer(folder, entry):
                path = os.path.normpath(os.path.join(folder, entry.name))
                found.setdefault(path, Lack(path, entry.line))
        return tuple(found.values())

    def _is_pointer(self, folder: str, entry: Entry) -> bool:
        size = entry.value.rpartition(":")[2].partition("+")[0]
        if not size.isdecimal() or len(size) > 3 or int(size) not in _SIZES:
            return False
        value = entry.value.partition(" ")[2]
        if value not in self._known:
            try:
                with open(os.path.join(self.root, folder, entry.name), "rb") as file:
                    self._known[value] = file.read(len(_POINTER)) == _POINTER
            except OSError:  # it went meanwhile; the build will tell
                return False
        return self._known[value]

    def submodules(
        self, image: Image, manifests: Iterable[Manifest]
    ) -> tuple[tuple[Lack, ...], tuple[Lack, ...]]:
        """Empty submodules that the manifests' steps name, and those below a folder that they do.

        Who names one, or what is in it, needs it; who copies all may do without.
        """
        if not self._empty:
            return (), ()
        named: dict[str, Lack] = {}
        within: dict[str, Lack] = {}
        for folder, entry in _of_contexts(image, manifests):
            if entry.kind in _READ and (path := self._submodule(folder, entry.name)):
                named.setdefault(path, Lack(path, entry.line))
            elif entry.kind == "dir" and (path := self._submodule(folder, entry.name)):
                within.setdefault(path, Lack(path, entry.line))
        return tuple(named.values()), tuple(v for k, v in within.items() if k not in named)

    def explained(self, error: ContextError, image: Image) -> ContextError:
        """The error with what to type, where what is missing would be in an empty submodule."""
        path = self._submodule(image.context, error.gone) if error.gone else ""
        if not path:
            return error
        message = f"{error.message}: {path} is a git submodule that is not checked out"
        return ContextError(message, file=error.file, line=error.line, hint=update(path))

    def _submodule(self, folder: str, name: str) -> str:
        """The empty submodule that a path of a context is, or lies in; "": none."""
        path = os.path.realpath(os.path.join(self.root, folder, name))
        for module, shown in self._empty.items():
            if path == module or path.startswith(f"{module}/"):
                return shown
        return ""

    @cached_property
    def _empty(self) -> Mapping[str, str]:
        """Submodules without a file: where they are, and how the project calls that."""
        top = _top(self.root)
        if top is None:
            return {}
        found = {}
        for path in _modules(top):
            module = os.path.realpath(os.path.join(top, path))
            if not _holds_anything(module):
                found[module] = os.path.relpath(module, os.path.realpath(self.root))
        return found


def update(path: str) -> str:
    """What to type for a submodule."""
    return f"git submodule update --init --recursive {path}"


def pull(lacks: Sequence[Lack]) -> str:
    """What to type for files that Git LFS has yet to fetch."""
    if len(lacks) == 1:
        return f'git lfs pull --include "{lacks[0].path}"'
    return "git lfs pull"


def hollow(lacks: Sequence[Lack]) -> str:
    """What some pointers are, in words."""
    if len(lacks) == 1:
        return f"{lacks[0].path} is a Git LFS pointer, not the file"
    return f"{lacks[0].path} and {len(lacks) - 1} more are Git LFS pointers, not the files"


def _of_contexts(image: Image, manifests: Iterable[Manifest]) -> Iterator[tuple[str, Entry]]:
    """What is read from folders, each with its context's."""
    for manifest in manifests:
        folder = image.context
        for entry in manifest.entries:
            if entry.kind in ("copy", "add", "run"):
                folder = image.context
            elif entry.kind == "context":
                folder = image.contexts.get(entry.label, image.context)
            else:
                yield folder, entry


def _top(root: str) -> str | None:
    """The folder of the repository around ``root``, if that has submodules."""
    folder = os.path.realpath(root)
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder if os.path.exists(os.path.join(folder, _MODULES)) else None
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _modules(top: str) -> list[str]:
    """Paths of submodules, as git reads them; none where there is no git to ask."""
    words = ["git", "config", "-z", "--file", _MODULES, "--get-regexp", r"^submodule\..*\.path$"]
    try:
        done = subprocess.run(words, cwd=top, capture_output=True, check=False)
    except OSError:
        return []
    rows = done.stdout.decode(errors="surrogateescape").split("\0")
    return [row.partition("\n")[2] for row in rows if "\n" in row]


def _holds_anything(folder: str) -> bool:
    try:
        with os.scandir(folder) as listing:
            return any(True for _ in listing)
    except OSError:
        return False
