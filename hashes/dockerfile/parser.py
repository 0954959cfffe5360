"""Dockerfiles: the stages and instructions of one file, as BuildKit's own parser reads them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import NamedTuple

from hashes.dockerfile.frontend import ANY, NEWEST, Frontend, of_syntax
from hashes.dockerfile.instruction import Instruction, check
from hashes.dockerfile.lines import Lines, directives
from hashes.errors import DockerfileError

_STAGE_NAME = re.compile(r"^[a-z][a-z0-9-_.]*$")


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


class Dockerfile(NamedTuple):
    """A file that BuildKit would accept, before any variable has a value."""

    path: str
    syntax: str
    """The image of the ``# syntax`` directive; empty when there is none."""
    escape: str
    check: str
    global_args: tuple[Instruction, ...]
    stages: tuple[Stage, ...]
    frontend: Frontend = NEWEST
    """Who read it. Not part of any key: whoever takes a file gives it the same one."""

    @property
    def doubtful(self) -> bool:
        """Whether versions of BuildKit read it differently, so that one should be asked for."""
        each = (*self.global_args, *(item for stage in self.stages for item in stage.instructions))
        return any(item.raw for item in each)


def load(path: str, name: str) -> bytes:
    """Read a Dockerfile's bytes; raises `DockerfileError` under the name that people know it by."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        hint = f"expected a Dockerfile there{_near(path)}"
        raise DockerfileError("there is no such file", file=name, hint=hint) from None
    except IsADirectoryError:
        inner = os.path.join(path, "Dockerfile")
        hint = f"{name}/Dockerfile is there" if os.path.isfile(inner) else ""
        raise DockerfileError(
            "is a folder: expected a Dockerfile", file=name, hint=hint or "name the file in it"
        ) from None
    except OSError as error:
        raise DockerfileError(f"cannot be read: {error.strerror}", file=name) from None


def parse(text: bytes, path: str, *, frontend: Frontend = NEWEST, syntax: str = "") -> Dockerfile:
    """Read a Dockerfile; raises `DockerfileError` with the line where BuildKit would refuse it.

    ``frontend`` is the engine's own: it reads a file that names none by ``# syntax``. ``syntax``
    is the build argument BUILDKIT_SYNTAX, which goes before that line.
    """
    lines = _lines(_decode(text, path))
    named = syntax.partition(" ")[0] or directives(lines, path, None).syntax
    if named:
        frontend = of_syntax(named)
    top = directives(lines, path, frontend)
    global_args: list[Instruction] = []
    heads: list[tuple[Instruction, str]] = []
    bodies: list[list[Instruction]] = []
    items = Lines(lines, path, top.escape, frontend).instructions()
    if not items:
        raise DockerfileError("file with no instructions: expected FROM", file=path, line=1)
    for item in items:
        check(item, path, frontend)
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
    return Dockerfile(path, top.syntax, top.escape, top.check, tuple(global_args), stages, frontend)


def parse_trigger(expression: str, path: str, line: int, frontend: Frontend = ANY) -> Instruction:
    """Read one ONBUILD trigger; ``line`` is where it takes effect, the child's FROM."""
    try:
        # BuildKit reads it as a file of its own, in which a backslash is the escape sign.
        items = Lines(_lines(expression), path, "\\", frontend).instructions()
    except DockerfileError as error:
        raise DockerfileError(
            f"ONBUILD trigger of the base image: {error.message}",
            file=path,
            line=line,
            hint=expression,
        ) from None
    if len(items) != 1:
        raise DockerfileError(
            "ONBUILD trigger of the base image: expected a single instruction",
            file=path,
            line=line,
            hint=expression,
        )
    item = items[0]._replace(line=line)
    check(item, path, frontend)
    return item


def _near(path: str) -> str:
    import difflib

    folder, wanted = os.path.split(path)
    try:
        names = sorted(os.listdir(folder or "."))
    except OSError:
        return ""
    found = {name.lower(): name for name in names}.get(wanted.lower())
    close = [found] if found else difflib.get_close_matches(wanted, names, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _decode(text: bytes, path: str) -> str:
    if text.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DockerfileError(
            "written in UTF-16: expected UTF-8",
            file=path,
            line=1,
            hint="save it as UTF-8, e.g. iconv -f UTF-16 -t UTF-8",
        )
    # Go keeps bytes that are not UTF-8; a key's text is valid, so each such byte gets a code point
    # of its own that no Dockerfile uses.
    source = text.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    try:
        source.encode()
    except UnicodeEncodeError:
        return re.sub("[\udc80-\udcff]", lambda bad: chr(0x10FF00 - 0xDC00 + ord(bad[0])), source)
    return source


def _lines(source: str) -> list[str]:
    """Lines with their ends."""
    *whole, last = source.split("\n")
    lines = [f"{line}\n" for line in whole]
    return [*lines, last] if last else lines


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
