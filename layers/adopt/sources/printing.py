"""Printing: ``docker buildx bake --print``, with the other files that a bake file needs."""

from __future__ import annotations

import json
import os
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hashes.errors import LayersError
from layers.adopt.sources.programs import Answer, Programs
from layers.adopt.sources.targets import Written, declared

_WITHOUT_FILES = ("--set", "*.secrets=", "--set", "*.ssh=")
_LACKS = re.compile(r"failed to stat |SSH_AUTH_SOCK|agent config")
_ERROR = re.compile(r"^ERROR: (.*)", re.MULTILINE | re.DOTALL)
_AT = re.compile(r"([^\s:]+\.(?:hcl|json)):(\d+)(?:,[\d,-]+: )?")
_UNKNOWN = re.compile(
    r"There is no (?P<kind>variable|function) named \"(?P<name>[^\"]+)\""
    r"|failed to find (?P<target>target) (?P<of>[\w.-]+)"
)
_MORE = re.compile(r",? and \d+ other diagnostic\(s\)")
_MOST = 8
"""Other files that one bake file needs, at most."""


@dataclass(frozen=True)
class Printed:
    """What bake made of files, and the folder that its paths are relative to."""

    told: Mapping[str, Any]
    folder: str


def dockerfile_of(told: Mapping[str, Any]) -> str:
    """The Dockerfile of a target, relative to where bake is started."""
    context, path = str(told.get("context") or "."), str(told.get("dockerfile") or "Dockerfile")
    return os.path.normpath(os.path.join(context, path))


class Bake:
    """Bake, started in a repository; ``files`` are all of its bake files."""

    def __init__(self, root: str, files: Sequence[str], programs: Programs) -> None:
        self.root = root
        self.files = files
        self.programs = programs
        self._declared: dict[str, frozenset[tuple[str, str]]] = {}

    def print(self, files: Sequence[str], written: Written) -> Printed:
        """What bake prints of ``files``, with those that declare what they only use before them.

        Contexts are relative to where bake is started: the root for some, the file's folder for
        others.  Raises LayersError with bake's words.
        """
        best: tuple[int, Printed] | None = None
        error: LayersError | None = None
        folders = (self.root, os.path.join(self.root, posixpath.dirname(files[0])))
        for folder in dict.fromkeys(folders):
            try:
                printed = Printed(self._printed(folder, files, list(written.targets)), folder)
            except LayersError as refused:
                error = error or refused
                continue
            targets = printed.told.get("target") or {}
            here = sum(_is_there(folder, told) for told in targets.values())
            if best is None or here > best[0]:
                best = (here, printed)
        if best is None:
            assert error is not None
            raise error
        return best[1]

    def _printed(self, folder: str, files: Sequence[str], names: Sequence[str]) -> dict[str, Any]:
        before: tuple[str, ...] = ()
        while True:
            done = self._run(folder, (*before, *files), names)
            if not done.status:
                break
            words = _words(done, self.root)
            unknown = _UNKNOWN.search(words)
            if not unknown or len(before) == _MOST:
                raise _refused(words or f"bake --print ends with {done.status}", files[0])
            kind, name = unknown["kind"] or "target", unknown["name"] or unknown["of"]
            before = (self._declares(kind, name, (*before, *files), words), *before)
        try:
            printed = json.loads(done.out)
        except ValueError:
            printed = None
        if not isinstance(printed, dict):
            raise LayersError("docker buildx bake --print printed no JSON", file=files[0])
        return printed

    def _run(self, folder: str, files: Sequence[str], names: Sequence[str]) -> Answer:
        named = [word for path in files for word in ("--file", os.path.join(self.root, path))]
        asked = (*(self.programs.bake or ()), "--print", *named)
        done = self.programs.run((*asked, *names), folder)
        if done.status and _LACKS.search(done.err):
            done = self.programs.run((*asked, *_WITHOUT_FILES, *names), folder)
        return done

    def _declares(self, kind: str, name: str, files: Sequence[str], words: str) -> str:
        """The one bake file that is nearest to ``files`` of those that declare a name."""
        having = [
            path for path in self.files if path not in files and (kind, name) in self._names(path)
        ]
        near = {path: _steps(files[-1], path) for path in having}
        nearest = [path for path in having if near[path] == min(near.values())]
        if len(nearest) == 1:
            return nearest[0]
        error = _refused(words, files[-1])
        if nearest:
            raise LayersError(
                f"no {kind} {name} here, and several files declare it: {', '.join(nearest)}",
                file=error.file,
                line=error.line,
                hint="name the ones that belong together: docker buildx bake --file … --file …",
            )
        raise LayersError(
            f"no file that bake reads declares the {kind} {name}",
            file=error.file,
            line=error.line,
            hint=f"declare it in {files[-1]}, or in another bake file of this repository",
        )

    def _names(self, path: str) -> frozenset[tuple[str, str]]:
        if path not in self._declared:
            self._declared[path] = declared(self.root, path)
        return self._declared[path]


def _steps(one: str, other: str) -> int:
    """Folders from one file up and down to another."""
    at, to = posixpath.dirname(one) or ".", posixpath.dirname(other) or "."
    way = posixpath.relpath(to, at)
    return 0 if way == "." else way.count("/") + 1


def _is_there(folder: str, told: Mapping[str, Any]) -> bool:
    return os.path.isfile(os.path.join(folder, dockerfile_of(told)))


def _words(done: Answer, root: str) -> str:
    found = _ERROR.search(done.err)
    return (found[1] if found else done.err).strip().replace(f"{root}/", "")


def _refused(words: str, file: str) -> LayersError:
    """Bake's error, with its place."""
    at = _AT.search(words)
    newer = ", and a newer one may take it" if "Unsupported " in words else ""
    return LayersError(
        _MORE.sub("", words[at.end() :] if at and at.start() == 0 else words).lstrip(": "),
        file=at[1] if at else file,
        line=int(at[2]) if at else None,
        hint=f"docker buildx bake --print says so{newer}",
    )
