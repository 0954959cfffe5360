"""Lines: a Dockerfile's text as instructions, as BuildKit's own parser reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hashes.dockerfile.frontend import (
    BLANK_HEREDOC,
    CHECK_DIRECTIVE,
    ESCAPED_FLAGS,
    WHOLE_JSON,
    Frontend,
)
from hashes.dockerfile.heredocs import HeredocWord, heredocs
from hashes.dockerfile.instruction import Heredoc, Instruction
from hashes.dockerfile.split import SPACE, Split, SplitError, arguments, is_json, split
from hashes.errors import DockerfileError

_LONGEST = 65536
"""Bytes of a line with its end, as Go's bufio.Scanner takes it."""
_ONBUILD = re.compile(r"^[\t\n\f\r ]*ONBUILD[\t\n\f\r ]*", re.IGNORECASE)
_DOCUMENTS = frozenset(("ADD", "COPY", "RUN"))
_LOOSE = frozenset(("COPY", "ADD", "VOLUME"))


_DIRECTIVE = re.compile(
    r"^#[ \t\f\r]*([a-zA-Z][a-zA-Z0-9]*)[ \t\f\r]*=[ \t\f\r]*([^\n]+?)[ \t\f\r]*\Z"
)
_NAMES = ("syntax", "escape", "check")


class Directives(NamedTuple):
    """What the top of a file says about the rest of it."""

    syntax: str
    """An image; '' when there is none."""
    escape: str
    check: str


def directives(lines: list[str], path: str, frontend: Frontend | None) -> Directives:
    """Read the lines at the top as BuildKit does; raises `DockerfileError`.

    ``frontend`` None: what a ``# syntax`` line names. The two readers of BuildKit differ: the one
    that looks for syntax and check passes over a ``#!`` line and takes no indentation, the one
    that looks for escape does the opposite (parser/directives.go; docker 28.5.2, tried).
    """
    first = 1 if lines and lines[0].startswith("#!") else 0
    whole = _found(line.rstrip("\r\n") for line in lines[first:])
    trimmed = [line.rstrip("\r\n").lstrip(SPACE) for line in lines]
    seen: dict[str, str] = {}
    for number, line in enumerate(trimmed, 1):
        found = _one(line)
        if found is None:
            break
        name, value = found
        if name in seen:
            raise DockerfileError(
                f"a second '# {name}=': expected one", file=path, line=number, hint=line
            )
        if name == "escape":
            if value not in ("\\", "`"):
                raise DockerfileError(
                    f"escape {value!r}: expected ` or \\", file=path, line=number, hint=line
                )
            if "check" in seen and frontend is not None and not frontend.has(CHECK_DIRECTIVE):
                raise DockerfileError(
                    f"{CHECK_DIRECTIVE}, and {frontend} passes over both",
                    file=path,
                    line=number,
                    hint="write '# escape=' first",
                )
        seen[name] = value
    return Directives(
        whole.get("syntax", "").partition(" ")[0],
        seen.get("escape", "\\"),
        whole.get("check", ""),
    )


def _found(lines: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        one = _one(line)
        if one is None:
            break
        found.setdefault(*one)
    return found


def _one(line: str) -> tuple[str, str] | None:
    match = _DIRECTIVE.match(line)
    if match is None or match[1].lower() not in _NAMES:
        return None
    return match[1].lower(), match[2]


class _Line(NamedTuple):
    """A logical line: comments gone, continuations joined."""

    text: str
    number: int
    """Of its first line, from 1."""


class Lines:
    """Goes through a text, one instruction at a time."""

    def __init__(self, lines: list[str], path: str, escape: str, frontend: Frontend) -> None:
        self.lines = lines
        self.path = path
        self.escape = escape
        self.frontend = frontend
        self.at = 0
        sign = re.escape(escape)
        self.continued = re.compile(rf"([^{sign}]){sign}[ \t]*\Z|^{sign}[ \t]*\Z")

    def instructions(self) -> list[Instruction]:
        """All of them; raises `DockerfileError`."""
        found: list[Instruction] = []
        while (line := self._line()) is not None:
            try:
                found.append(self._instruction(line))
            except SplitError as error:
                raise self._fail(str(error), line) from None
        return found

    def _line(self) -> _Line | None:
        while self.at < len(self.lines):
            text = self._next().rstrip("\r\n").lstrip(SPACE)
            number = self.at
            if text.startswith("#"):
                continue
            text, more = self._cut(text)
            if not text and not more:
                continue
            parts = [text]
            while more and self.at < len(self.lines):
                text = self._next()
                if text.lstrip(SPACE).startswith("#") or not text.strip(SPACE):
                    continue
                text, more = self._cut(text.rstrip("\r\n"))
                parts.append(text)
            return _Line("".join(parts), number)
        return None

    def _next(self) -> str:
        line = self.lines[self.at]
        self.at += 1
        if len(line) * 4 >= _LONGEST:
            size = len(line.encode("utf-8", "surrogatepass")) + (not line.endswith("\n"))
            if size > _LONGEST:
                raise DockerfileError(
                    f"a line of {size} bytes: BuildKit takes {_LONGEST - 1}",
                    file=self.path,
                    line=self.at,
                    hint=f"{line[:60]}…\n  COPY the text from a file, or break the line",
                )
        return line

    def _cut(self, text: str) -> tuple[str, bool]:
        cut = self.continued.sub(lambda match: match[1] or "", text, count=1)
        return cut, cut != text

    def _instruction(self, line: _Line) -> Instruction:
        parts = split(line.text, self.escape)
        item = self._taken_apart(parts, line)
        inner = parts
        if item.keyword == "ONBUILD" and parts.rest:
            inner = split(parts.rest, self.escape)
        if inner.keyword.lower().upper() in _DOCUMENTS:
            item = item._replace(heredocs=self._documents(inner, line))
        if item.keyword == "ONBUILD" and parts.rest:
            return self._trigger(item, self._taken_apart(inner, line))
        bodies = "".join(f"\n{each.content}{each.name}" for each in item.heredocs)
        return item._replace(text=item.text + bodies)

    def _taken_apart(self, parts: Split, line: _Line) -> Instruction:
        # Keywords are compared in lower case, which to Go and Python is not the same upside down.
        keyword = parts.keyword.lower().upper()
        whole = self.frontend.has(WHOLE_JSON)
        found = arguments(keyword, parts.rest, self.escape, whole)
        other = ""
        if found.tail and keyword in _LOOSE:
            other = line.text.strip()
        flags = parts.flags
        if flags and self.escape != "\\" and split(line.text, "\\").flags != flags:
            other = line.text.strip()
            if not self.frontend.has(ESCAPED_FLAGS):
                flags = split(line.text, "\\").flags
        return Instruction(
            keyword, flags, found.words, found.json, (), line.number, line.text.strip(), other
        )

    def _documents(self, inner: Split, line: _Line) -> tuple[Heredoc, ...]:
        """The documents that follow; every version of BuildKit then sees the same ones."""
        text = line.text
        wanted = heredocs(text, blank=True)
        if is_json(inner.rest, True):
            wanted = ()
        if not self.frontend.has(BLANK_HEREDOC) or not self.frontend.has(WHOLE_JSON):
            wanted = self._older(inner, line, wanted)
        return tuple(self._document(each, line) for each in wanted)

    def _older(
        self, inner: Split, line: _Line, wanted: tuple[HeredocWord, ...]
    ) -> tuple[HeredocWord, ...]:
        """What an older version sees.

        Where a newer one would see a whole document and this one does not, it takes the document
        for instructions; a file that passes even so would mean two things.
        """
        blank = self.frontend.has(BLANK_HEREDOC)
        found = heredocs(line.text, blank=blank)
        if is_json(inner.rest, self.frontend.has(WHOLE_JSON)):
            found = ()
        if found == wanted or not self._all_there(wanted):
            return found
        tight = blank or wanted == heredocs(line.text, blank=False)
        feature = WHOLE_JSON if tight else BLANK_HEREDOC
        raise self._fail(
            f"{feature}; this one is read by {self.frontend}",
            line,
            "write '<<EOF', without a blank" if feature is BLANK_HEREDOC else "",
        )

    def _all_there(self, wanted: tuple[HeredocWord, ...]) -> bool:
        start = self.at
        try:
            return all(self._content(each) is not None for each in wanted)
        finally:
            self.at = start

    def _document(self, word: HeredocWord, line: _Line) -> Heredoc:
        content = self._content(word)
        if content is None:
            hint = "a '<<' that shifts bits goes between quotes" if "((" in line.text else ""
            raise self._fail(
                f"unterminated heredoc: expected a line that is {word.name!r}", line, hint
            )
        return Heredoc(word.name, content)

    def _content(self, word: HeredocWord) -> str | None:
        content: list[str] = []
        while self.at < len(self.lines):
            line = self._next()
            end = line.rstrip("\r\n")
            if (end.lstrip("\t") if word.chomp else end) == word.name:
                return "".join(content)
            content.append(line)
        return None

    def _trigger(self, item: Instruction, inner: Instruction) -> Instruction:
        # BuildKit keeps the trigger as text and reads it again in the child, with the heredoc
        # bodies put behind it.
        if inner.keyword in ("ONBUILD", "FROM", "MAINTAINER"):
            raise DockerfileError(
                f"ONBUILD {inner.keyword}: expected any instruction but FROM, MAINTAINER, ONBUILD",
                file=self.path,
                line=item.line,
            )
        expression = _ONBUILD.sub("", item.text, count=1)
        expression += "".join(f"\n{each.content}{each.name}" for each in item.heredocs)
        return item._replace(words=(expression,), heredocs=())

    def _fail(self, message: str, line: _Line, hint: str = "") -> DockerfileError:
        first = line.text.strip()
        return DockerfileError(
            message,
            file=self.path,
            line=line.number,
            hint=f"{first}\n  {hint}" if hint else first,
        )
