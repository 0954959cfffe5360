"""Dockerfiles: the stages and instructions of one file, as BuildKit's own parser reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import dockerfile as parser

from hashes.dockerfile.instruction import Heredoc, Instruction, check
from hashes.errors import DockerfileError

_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_ONBUILD = re.compile(r"^\s*ONBUILD\s*", re.IGNORECASE)
_STAGE_NAME = re.compile(r"^[a-z][a-z0-9-_.]*$")

BUILT_IN = (1, 7)
"""The frontend that BuildKit 0.13 (Docker 26) brings; a file without ``# syntax`` is read by it."""


@dataclass(frozen=True)
class Stage:
    """One ``FROM`` and what follows it."""

    index: int
    name: str
    """As written; empty when the stage has none. Names are compared without case."""
    base: str
    """The image or stage after ``FROM``, before expansion."""
    platform: str | None
    """``--platform`` before expansion."""
    instructions: tuple[Instruction, ...]
    line: int

    @property
    def title(self) -> str:
        """What to call the stage in messages."""
        return self.name or f"stage {self.index}"


@dataclass(frozen=True)
class Dockerfile:
    """A file that BuildKit would accept, before any variable has a value."""

    path: str
    syntax: str
    """The image of the ``# syntax`` directive; empty when there is none."""
    escape: str
    check: str
    global_args: tuple[Instruction, ...]
    stages: tuple[Stage, ...]


def parse(text: bytes, path: str, *, frontend: tuple[int, int] = BUILT_IN) -> Dockerfile:
    """Read a Dockerfile; raises `DockerfileError` with the line where BuildKit would refuse it.

    ``frontend`` is the version of the engine's built-in frontend: it decides which flags exist.
    """
    source = _decode(text)
    directives = _directives(source)
    escape = directives.get("escape", "\\")
    syntax = directives.get("syntax", "").partition(" ")[0]
    try:
        commands = parser.parse_string(source)
    except ValueError as error:
        line = _line_of(source, str(error))
        raise DockerfileError(f"{error}", file=path, line=line, hint=_shown(source, line)) from None
    lines = source.split("\n")
    known = None if syntax else frontend
    global_args: list[Instruction] = []
    heads: list[tuple[Instruction, str]] = []
    bodies: list[list[Instruction]] = []
    for command in commands:
        item = _instruction(command)
        if item.keyword == "ONBUILD" and item.words:
            item = _onbuild(item, lines[command.start_line - 1 : command.end_line], escape, path)
        check(item, path, known)
        if item.keyword == "FROM":
            heads.append((item, _stage_name(item, path)))
            bodies.append([])
        elif heads:
            bodies[-1].append(item)
        elif item.keyword == "ARG":
            global_args.append(item)
        else:
            raise DockerfileError(
                f"{item.keyword} before the first FROM: expected ARG or FROM",
                file=path,
                line=item.line,
                hint="an instruction belongs to a stage, and a stage begins with FROM",
            )
    if not heads:
        raise DockerfileError("no stage to build: expected a FROM instruction", file=path, line=1)
    stages = tuple(
        Stage(
            index=index,
            name=name,
            base=head.words[0],
            platform=head.flag("platform"),
            instructions=tuple(body),
            line=head.line,
        )
        for index, ((head, name), body) in enumerate(zip(heads, bodies, strict=True))
    )
    return Dockerfile(path, syntax, escape, directives.get("check", ""), tuple(global_args), stages)


def parse_trigger(expression: str, path: str, line: int) -> Instruction:
    """Read one ONBUILD trigger; ``line`` is where it takes effect, the child's FROM."""
    try:
        commands = parser.parse_string(expression)
    except ValueError as error:
        raise DockerfileError(
            f"ONBUILD trigger of the base image: {error}", file=path, line=line, hint=expression
        ) from None
    if len(commands) != 1:
        raise DockerfileError(
            "ONBUILD trigger of the base image: expected a single instruction",
            file=path,
            line=line,
            hint=expression,
        )
    item = _instruction(commands[0], line)
    check(item, path, None)
    return item


def _decode(text: bytes) -> str:
    # Go keeps bytes that are not UTF-8; the parser's binding takes valid text only, so each
    # such byte gets a code point of its own that no Dockerfile uses.
    source = text.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    try:
        source.encode()
    except UnicodeEncodeError:
        return re.sub("[\udc80-\udcff]", lambda bad: chr(0x10FF00 - 0xDC00 + ord(bad[0])), source)
    return source


def _directives(source: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in source.split("\n"):
        match = _DIRECTIVE.match(line.strip())
        if not match or match[1].lower() not in ("syntax", "escape", "check"):
            break
        found.setdefault(match[1].lower(), match[2])
    return found


def _instruction(command: parser.Command, line: int | None = None) -> Instruction:
    return Instruction(
        keyword=command.cmd.upper(),
        flags=tuple(command.flags),
        words=tuple(command.value),
        json=command.json,
        heredocs=tuple(Heredoc(each.name, each.content) for each in command.heredocs),
        line=command.start_line if line is None else line,
        text=command.original.strip(),
    )


def _onbuild(item: Instruction, raw: list[str], escape: str, path: str) -> Instruction:
    # BuildKit keeps the trigger as text and reads it again in the child, with the heredoc bodies
    # put behind it; the binding gives neither flags nor heredocs here.
    head = "# escape=`\n" if escape == "`" else ""
    inner = parser.parse_string(head + _ONBUILD.sub("", "\n".join(raw), count=1))[0]
    expression = _ONBUILD.sub("", item.text, count=1)
    for each in inner.heredocs:
        expression += f"\n{each.content}{each.name}"
    trigger = _instruction(inner, item.line)
    if trigger.keyword in ("ONBUILD", "FROM", "MAINTAINER"):
        raise DockerfileError(
            f"ONBUILD {trigger.keyword}: expected any instruction but FROM, MAINTAINER, ONBUILD",
            file=path,
            line=item.line,
        )
    return Instruction("ONBUILD", (), (expression,), False, (), item.line, item.text)


def _stage_name(item: Instruction, path: str) -> str:
    words = item.words
    if len(words) == 1:
        return ""
    if len(words) != 3 or words[1].lower() != "as":
        raise DockerfileError(
            f"FROM with {len(words)} arguments: expected 'FROM image' or 'FROM image AS name'",
            file=path,
            line=item.line,
            hint=item.shown(),
        )
    if not _STAGE_NAME.match(words[2].lower()):
        raise DockerfileError(
            f"stage name {words[2]!r}: expected a letter, then letters, digits, '-', '_' or '.'",
            file=path,
            line=item.line,
            hint=item.shown(words[2]),
        )
    return words[2]


def _line_of(source: str, message: str) -> int:
    """Find the line behind the parser's message, which names none: the last head that parses."""
    lines = source.split("\n")
    if "no instructions" in message:
        return 1
    for count in range(len(lines) - 1, 0, -1):
        try:
            parser.parse_string("\n".join(lines[:count]))
        except ValueError as error:
            if str(error) == message:
                continue
        return count + 1
    return 1


def _shown(source: str, line: int) -> str:
    lines = source.split("\n")
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""
