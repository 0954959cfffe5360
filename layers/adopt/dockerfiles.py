"""Dockerfiles of a repository: each parsed once, and what its sources and stages suggest."""

from __future__ import annotations

import glob
import os
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hashes.dockerfile import mounts
from hashes.dockerfile.arguments import pairs
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile, Stage, parse
from hashes.dockerfile.reachable import Reached, Reference, reach, references
from hashes.errors import LayersError
from layers.adopt.sources.reading import Build, Lacking

_APART = frozenset(
    {
        *("docker", ".docker", "dockerfiles", ".dockerfiles", "dockerfile", "containers"),
        *("container", "build", "deploy", "deployment", "ci", ".ci", "images", ".devcontainer"),
        "packaging",
    }
)
"""Folders that hold Dockerfiles and not what they copy."""
_WILD = re.compile(r"[*?\[\\]")
_INSTALLS = re.compile(
    r"\b(?:pip3?|uv pip|poetry|pipx|conda|mamba|micromamba|apk|apt|apt-get|dnf|microdnf|yum"
    r"|zypper|gem|npm|pnpm|bun|cargo|bundle|composer|luarocks|cpanm)\s(?:[^;&|\n]*\s)?"
    r"(?:install|add|ci|i|create|env update|fetch)\b"
    r"|\buv sync\b|\byarn(?:\s+install)?(?:\s+--\S+)*\s*(?:$|[;&|\n])|\bgo mod download\b"
    r"|\bdotnet restore\b|\bdependency:(?:go-offline|resolve)\b|\bcargo chef cook\b"
)
_SOME = "no-value-is-given"
"""Stands for the value of a build argument: as a name, a part of one, and a tag."""
_WINDOWS = re.compile(r"mcr\.microsoft\.com/windows|nanoserver|servercore|/windows/", re.IGNORECASE)


class Dockerfiles:
    """Reads Dockerfiles below a root."""

    def __init__(self, root: str, platform: str) -> None:
        self.root = root
        self.platform = platform
        self._known: dict[str, Dockerfile | LayersError] = {}

    def read(self, path: str) -> Dockerfile:
        """One file.  Raises LayersError, with its line, for one that BuildKit would refuse."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._parse(path)
        if isinstance(found, LayersError):
            raise found
        return found

    def _parse(self, path: str) -> Dockerfile | LayersError:
        whole = os.path.join(self.root, path)
        if os.path.isdir(whole):
            return LayersError("a folder, no Dockerfile", file=path)
        try:
            with open(whole, "rb") as file:
                text = file.read()
        except OSError as error:
            return LayersError(f"cannot be read: {error.strerror}", file=path)
        if b"\0" in text:
            return LayersError("no text, and so no Dockerfile", file=path)
        try:
            return parse(text, path)
        except LayersError as error:
            return error

    def stage(self, path: str, target: str | None) -> int:
        """Which stage a target is.  Raises LayersError where there is none of that name."""
        stages = self.read(path).stages
        if not target:
            return len(stages) - 1
        names = [each.name.lower() for each in stages]
        if target.lower() in names:
            return names.index(target.lower())
        if target.isdecimal() and int(target) < len(stages):
            return int(target)
        known = ", ".join(filter(None, names)) or "none has a name"
        raise LayersError(f"no stage {target!r}", file=path, hint=f"stages: {known}")

    def references(self, build: Build) -> tuple[Reference, ...]:
        """What a build takes from outside its file.  Raises LayersError."""
        found = references(
            self.read(build.dockerfile),
            build.target,
            build.args,
            self.platform,
            contexts=_replaced(build.contexts),
        )
        return tuple(each for each in found if each.kind != "syntax")

    def reached(self, build: Build) -> tuple[tuple[Stage, Reached], ...]:
        """The stages that a build needs, its target last.  Raises LayersError."""
        file = self.read(build.dockerfile)
        found = reach(
            file, build.target, build.args, self.platform, contexts=_replaced(build.contexts)
        )
        return tuple((file.stages[each.index], each) for each in found)

    def completed(self, build: Build) -> Build:
        """``build`` if its references are known, or else with some word for each build argument
        that a FROM needs and nobody gives.  Raises LayersError where that does not help.
        """
        try:
            self.references(build)
        except LayersError as error:
            file = self.read(build.dockerfile)
            base = next((each.base for each in file.stages if each.line == error.line), "")
            open_ = [
                name
                for item in file.global_args
                for name, default in pairs(item)
                if default is None and not build.args.get(name)
            ]
            if not base or not self._is_whole(build, open_):
                raise
            for name in tuple(open_):
                others = [each for each in open_ if each != name]
                open_ = others if self._is_whole(build, others) else open_
            lacking = Lacking(tuple(open_), base, error.line or 1)
            return replace(_given(build, open_), lacking=lacking)
        return build

    def _is_whole(self, build: Build, names: Sequence[str]) -> bool:
        try:
            self.references(_given(build, names))
        except LayersError:
            return False
        return True

    def declares(self, path: str, arg: str) -> bool:
        """Whether a file says ``ARG`` of a name anywhere."""
        file = self.read(path)
        items = [*file.global_args, *(item for stage in file.stages for item in stage.instructions)]
        texts = (text for item in items if item.keyword == "ARG" for text in item.words)
        return any(text.partition("=")[0] == arg for text in texts)

    def is_windows(self, build: Build) -> bool:
        """Whether it stands on an image of Windows."""
        try:
            return any(_WINDOWS.search(each.text) for each in self.references(build))
        except LayersError:
            bases = " ".join(stage.base for stage in self.read(build.dockerfile).stages)
            return bool(_WINDOWS.search(bases))

    # -- guesses -------------------------------------------------------------------------------

    def context(self, path: str) -> tuple[str, int, int]:
        """The folder that a Dockerfile is likely built in: the nearest one at or above it that has
        most of what it copies; how many of how many sources are there.
        """
        wanted = [text for text, _ in self._sources(self.read(path).stages)]
        named = [text for text in wanted if text not in ("", ".")]
        folder = posixpath.dirname(path)
        above = [folder]
        while above[-1]:
            above.append(posixpath.dirname(above[-1]))
        counts = [sum(self._there(each, source) for source in named) for each in above]
        best = counts.index(max(counts))
        if not any(counts) and wanted:
            while folder and posixpath.basename(folder).lower() in _APART:
                folder = posixpath.dirname(folder)
            return folder or ".", 0, len(named)
        return above[best] or ".", counts[best], len(named)

    def sources(self, build: Build) -> list[tuple[str, int]]:
        """What the stages of a build copy out of its context, each with its line."""
        return list(self._sources([stage for stage, _ in self.reached(build)]))

    def installing(self, build: Build) -> tuple[str, ...]:
        """Named stages below the target that install something and copy no whole tree."""
        found = []
        for stage, _ in self.reached(build)[:-1]:
            if not stage.name or stage.name.lower() in build.contexts:
                continue
            mounted = {each for item in stage.instructions for each in _mounted(item)}
            texts = [text for text, _ in self._sources([stage]) if text not in mounted]
            whole = any(not text or text == "." for text in texts) or any(
                os.path.isdir(os.path.join(self.root, build.context, text)) for text in texts
            )
            runs = (item for item in stage.instructions if item.keyword == "RUN")
            if not whole and any(_INSTALLS.search(_script(item)) for item in runs):
                found.append(stage.name.lower())
        return tuple(dict.fromkeys(found))

    def _sources(self, stages: tuple[Stage, ...] | list[Stage]) -> Iterator[tuple[str, int]]:
        for stage in stages:
            for item in stage.instructions:
                yield from ((each, item.line) for each in _mounted(item))
                if item.keyword not in ("COPY", "ADD") or item.flag("from"):
                    continue
                documents = {each.name for each in item.heredocs}
                for word in item.words[:-1]:
                    text = word.lstrip("/")
                    if word.startswith("<<") or word in documents or "$" in word:
                        continue
                    if "://" not in word and not word.startswith("git@"):
                        yield posixpath.normpath(text) if text else "", item.line

    def _there(self, folder: str, source: str) -> bool:
        path = os.path.join(self.root, folder, source)
        if _WILD.search(source):
            return any(
                glob.iglob(os.path.join(glob.escape(os.path.join(self.root, folder)), source))
            )
        return os.path.lexists(path)


def _given(build: Build, names: Sequence[str]) -> Build:
    return replace(build, args={**build.args, **dict.fromkeys(names, _SOME)})


def _mounted(item: Instruction) -> Iterator[str]:
    """Files of the context that a RUN mounts."""
    for text in item.flag_values("mount") if item.keyword == "RUN" else ():
        try:
            mount = mounts.parse(text, str, "/")
        except mounts.MountError:
            continue
        if mount.reads_context and "$" not in mount.source:
            yield mount.source


def _script(item: Instruction) -> str:
    return " ".join((*item.words, *(each.content for each in item.heredocs)))


def _replaced(contexts: Mapping[str, str]) -> dict[str, str]:
    """Named contexts that are folders: the others are images, and so edges."""
    return {name: at for name, at in contexts.items() if "://" not in at and "target:" not in at}
