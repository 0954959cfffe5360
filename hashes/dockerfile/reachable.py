"""Reachable stages: the stages that a target needs, and what these take from outside the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hashes.dockerfile import arguments, mounts
from hashes.dockerfile.expand import WordError, expand
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile, parse_trigger
from hashes.errors import DockerfileError

_DOMAIN_OR_PATH = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"^(?:(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::[0-9]+)?/)?{_DOMAIN_OR_PATH}"
    rf"(?:/{_DOMAIN_OR_PATH})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[a-z0-9+._-]+:[0-9a-fA-F]{32,})?$"
)
_NUMBER = re.compile(r"^[+-]?[0-9]+$")

Triggers = Callable[[str, str], tuple[str, ...]]
"""Asked with an image's name and platform, tells its ONBUILD triggers."""


class Reference(NamedTuple):
    """A name in the file that is not a stage of it."""

    text: str
    kind: str
    """``from``, ``copy``, ``mount`` or ``syntax``."""
    line: int
    platform: str


class Source(NamedTuple):
    """Where a FROM, a ``COPY --from`` or a mount's ``from=`` leads: a stage or a name outside."""

    stage: int | None
    text: str


@dataclass(frozen=True)
class Reached:
    """A stage that the target needs, with everything in it that points elsewhere resolved."""

    index: int
    base: Source
    """Its text is ``scratch`` for an empty base."""
    platform: str
    instructions: tuple[Instruction, ...]
    """The base's ONBUILD triggers first."""
    triggers: int
    """How many of the instructions are triggers."""
    sources: Mapping[tuple[int, int], Source]
    """By position of the instruction and of the mount in it (0 for COPY)."""
    empty: bool = False
    """Whether the first of the stages that it is made from is ``scratch``."""


def familiar(name: str) -> str:
    """An image name in its short form: ``docker.io/library/node:latest`` is ``node``."""
    for prefix in ("docker.io/", "index.docker.io/"):
        name = name.removeprefix(prefix)
    return name.removeprefix("library/").removesuffix(":latest")


def references(
    file: Dockerfile,
    target: str | None,
    given: Mapping[str, str],
    platform: str,
    build_platform: str = "",
    triggers: Triggers | None = None,
    contexts: Collection[str] = (),
) -> tuple[Reference, ...]:
    """Every name outside the file that the target needs, in the order of the file, once each.

    ``scratch`` and named contexts are not among them. Raises `DockerfileError`.
    """
    found: dict[tuple[str, str, str], Reference] = {}

    def add(text: str, kind: str, line: int, where: str) -> None:
        if text != "scratch" and familiar(text) not in names:
            found.setdefault((text, kind, where), Reference(text, kind, line, where))

    names = {familiar(name) for name in contexts}
    build = build_platform or platform
    syntax = given.get("BUILDKIT_SYNTAX", file.syntax)
    if syntax:
        add(syntax, "syntax", 1, build)
    for stage in reach(file, target, given, platform, build_platform, triggers, contexts):
        if stage.base.stage is None:
            add(stage.base.text, "from", file.stages[stage.index].line, stage.platform)
        for (position, _), source in stage.sources.items():
            item = stage.instructions[position]
            if source.stage is None:
                kind = "mount" if item.keyword == "RUN" else "copy"
                add(source.text, kind, item.line, arguments.platform(platform))
    return tuple(found.values())


def reach(
    file: Dockerfile,
    target: str | None,
    given: Mapping[str, str],
    platform: str,
    build_platform: str = "",
    triggers: Triggers | None = None,
    contexts: Collection[str] = (),
) -> tuple[Reached, ...]:
    """The stages that a target needs, each after those that it needs; the target is the last.

    Raises `DockerfileError` where BuildKit would refuse the file before building anything.
    """
    finder = _Finder(file, given, platform, build_platform, contexts, target)
    wanted = {finder.target(target)}
    found: list[Reached] = []
    for index in range(max(wanted), -1, -1):
        if index not in wanted:
            continue
        stage = finder.stage(index, triggers)
        found.append(stage)
        for source in (stage.base, *stage.sources.values()):
            if source.stage is not None:
                wanted.add(source.stage)
    return tuple(reversed(found))


class _Finder:
    def __init__(
        self,
        file: Dockerfile,
        given: Mapping[str, str],
        platform: str,
        build_platform: str,
        contexts: Collection[str],
        target: str | None = None,
    ) -> None:
        self.file = file
        self.contexts = {familiar(name) for name in contexts}
        self.platform = arguments.platform(platform)
        build = arguments.platform(build_platform) if build_platform else self.platform
        self.globals = arguments.global_args(file, given, self.platform, build, target)
        self.names: dict[str, int] = {}
        self.bases: list[Source] = []
        self.platforms: list[str] = []
        for stage in file.stages:
            self._head(stage.index)
            if stage.name:
                self.names[stage.name.lower()] = stage.index
        for stage in file.stages:
            for item in stage.instructions:
                self._check_from(item, stage.index)

    def _fail(self, message: str, line: int, hint: str = "") -> DockerfileError:
        return DockerfileError(message, file=self.file.path, line=line, hint=hint)

    def _head(self, index: int) -> None:
        stage = self.file.stages[index]
        try:
            base = expand(stage.base, self.globals, escape=self.file.escape).text
            where = expand(stage.platform or "", self.globals, escape=self.file.escape).text
        except WordError as error:
            raise self._fail(f"FROM {stage.base}: {error}", stage.line) from None
        if not base:
            raise self._fail(
                f"FROM {stage.base}: the name is empty once its variables have their values",
                stage.line,
                "expected an ARG with a default before the first FROM, or a build argument",
            )
        if stage.platform is not None:
            try:
                where = arguments.platform(where)
            except ValueError as error:
                raise self._fail(
                    f"--platform={where or stage.platform}: {error}", stage.line
                ) from None
        if stage.name.lower() in self.contexts:
            source = Source(None, stage.name.lower())
        elif base in self.names:
            source = Source(self.names[base], base)
            where = self.platforms[self.names[base]]
        else:
            source = Source(None, base)
            self._check_image(base, stage.line)
        self.bases.append(source)
        self.platforms.append(where or self.platform)

    def _check_image(self, name: str, line: int) -> None:
        if name == "scratch" or _REFERENCE.match(name):
            return
        hint = "expected a stage above this line, or an image such as debian:12"
        if name.lower() in self.names:
            hint = f"did you mean the stage {name.lower()!r}? FROM finds it in lower case only"
        raise self._fail(f"{name!r} is neither a stage nor the name of an image", line, hint)

    def _check_from(self, item: Instruction, index: int) -> None:
        name = item.flag("from") if item.keyword == "COPY" else None
        if name is None:
            return
        if "$" in name:
            raise self._fail(
                f"--from={name}: variables are not expanded here",
                item.line,
                "give the image a stage of its own, 'FROM $IMAGE AS name', and copy from that",
            )
        if _NUMBER.match(name) and not 0 <= int(name) < len(self.file.stages):
            last = len(self.file.stages) - 1
            raise self._fail(f"--from={name}: expected a stage from 0 to {last}", item.line)
        if self._place(name, item.line, numbers=True).stage == index:
            raise self._fail(f"--from={name}: a stage cannot copy from itself", item.line)

    def target(self, name: str | None) -> int:
        """The stage to build: the last one when no name is given."""
        if not name:
            return len(self.file.stages) - 1
        if name.lower() in self.names:
            return self.names[name.lower()]
        import difflib

        close = difflib.get_close_matches(name, [each.name for each in self.file.stages], 1)
        names = ", ".join(each.name for each in self.file.stages if each.name) or "none has a name"
        raise DockerfileError(
            f"no stage {name!r}{f' (did you mean {close[0]!r}?)' if close else ''}",
            file=self.file.path,
            hint=f"stages: {names}",
        )

    def stage(self, index: int, triggers: Triggers | None) -> Reached:
        stage = self.file.stages[index]
        base = self.bases[index]
        replaced = base.stage is None and stage.name.lower() in self.contexts
        texts: tuple[str, ...] = ()
        if base.stage is not None:
            above = self.file.stages[base.stage].instructions
            if self.file.stages[base.stage].name.lower() not in self.contexts:
                texts = tuple(each.words[0] for each in above if each.keyword == "ONBUILD")
        elif base.text != "scratch" and triggers and not replaced:
            texts = triggers(base.text, self.platforms[index])
        items = tuple(
            parse_trigger(text, self.file.path, stage.line, self.file.frontend) for text in texts
        )
        instructions = items + (() if replaced else stage.instructions)
        sources: dict[tuple[int, int], Source] = {}
        for position, item in enumerate(instructions):
            if item.keyword == "COPY":
                name = item.flag("from")
                if name:
                    place = self._place(name, item.line, numbers=True)
                    sources[position, 0] = self._earlier(place, index, item)
            elif item.keyword == "RUN":
                for number, text in enumerate(item.flag_values("mount")):
                    name = self._origin(text, item)
                    if name:
                        place = self._place(name, item.line, numbers=False)
                        sources[position, number] = self._earlier(place, index, item)
        empty = base
        while empty.stage is not None:
            empty = self.bases[empty.stage]
        return Reached(
            index,
            base,
            self.platforms[index],
            instructions,
            len(items),
            sources,
            empty.text == "scratch",
        )

    def _origin(self, text: str, item: Instruction) -> str:
        try:
            return mounts.origin(text)
        except mounts.MountError as error:
            raise self._fail(str(error), item.line, item.shown(text)) from None

    def _place(self, name: str, line: int, *, numbers: bool) -> Source:
        name = name.strip("\"'")
        if numbers and _NUMBER.match(name):
            return Source(int(name), name)
        index = self.names.get(name.lower())
        if index is not None:
            return Source(index, name)
        if name != "scratch" and familiar(name) not in self.contexts:
            self._check_image(name, line)
        return Source(None, name)

    def _earlier(self, source: Source, index: int, item: Instruction) -> Source:
        if source.stage is not None and source.stage >= index:
            raise self._fail(
                f"{item.keyword} from stage {source.text!r}, which is not above this stage",
                item.line,
                "expected a stage that begins before this one",
            )
        return source
