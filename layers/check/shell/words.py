"""Shell words: text of a shell cut into words and operators, as POSIX sh and bash cut it.

A text that needs more than that, such as a here-document inside it, is refused and not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATORS = (
    *("<<<", "<<-", "&>>", ";;&", "<<", ">>", "<&", ">&", "<>", ">|", "&>"),
    *("&&", "||", ";;", ";&", "|&", "<", ">", "&", "|", ";", "(", ")", "\n"),
)
_BREAKS = frozenset(" \t\n;&|<>()")
REDIRECTIONS = frozenset(("<", ">", "<<", "<<-", "<<<", ">>", "<&", ">&", "<>", ">|", "&>", "&>>"))


class Unreadable(ValueError):
    """A text that this reader does not understand; nothing is said about it."""


class Part(NamedTuple):
    """A piece of a word."""

    kind: Literal["text", "variable", "unknown"]
    text: str
    """What stands there: text without its quotes, a variable's name, or source."""
    quoted: bool


class Word(NamedTuple):
    """One word before expansion."""

    parts: tuple[Part, ...]
    at: int
    """Its place in the text."""

    @property
    def plain(self) -> str | None:
        """The text of a word in which nothing is quoted or expanded; None for any other."""
        if all(part.kind == "text" and not part.quoted for part in self.parts):
            return "".join(part.text for part in self.parts)
        return None

    def fields(self, env: Mapping[str, str]) -> list[str] | None:
        """What the word becomes; None when that depends on something unknown.

        Patterns such as ``*.whl`` stay as they are.
        """
        fields: list[str] = []
        open_field: str | None = None
        for part in self.parts:
            if part.kind == "unknown" or (part.kind == "variable" and part.text not in env):
                return None
            text = env[part.text] if part.kind == "variable" else part.text
            if part.kind == "variable" and not part.quoted:
                pieces = text.split()
                if not pieces:
                    continue
                if open_field is not None and not text[:1].isspace():
                    pieces[0] = open_field + pieces[0]
                elif open_field is not None:
                    fields.append(open_field)
                *done, last = pieces
                fields += done
                open_field = last
                if text[-1:].isspace():
                    fields.append(last)
                    open_field = None
            else:
                open_field = (open_field or "") + text
        return fields if open_field is None else [*fields, open_field]


class Operator(NamedTuple):
    """Anything between words; a line's end is one, too."""

    sign: str
    at: int


def cut(text: str) -> Iterator[Word | Operator]:
    """Words and operators in their order; raises `Unreadable`."""
    at, size = 0, len(text)
    while at < size:
        char = text[at]
        if char in " \t":
            at += 1
        elif text.startswith("\\\n", at):
            at += 2
        elif char == "#":
            end = text.find("\n", at)
            at = size if end < 0 else end
        elif char in _BREAKS:
            sign = next(each for each in _OPERATORS if text.startswith(each, at))
            if sign in ("<", ">") and text.startswith("(", at + 1):
                raise Unreadable("process substitution")
            yield Operator(sign, at)
            at += len(sign)
        else:
            reader = _Reader(text, at)
            word = reader.word()
            at = reader.at
            # the number of a file in front of a redirection, as in 2>&1
            if text[at : at + 1] in ("<", ">") and (word.plain or "").isdecimal():
                continue
            yield word


class _Reader:
    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.parts: list[Part] = []

    def word(self) -> Word:
        start = self.at
        text = self.text
        while self.at < len(text) and text[self.at] not in _BREAKS:
            char = text[self.at]
            if char == "'":
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise Unreadable("a quote is not closed")
                self.add("text", text[self.at + 1 : end], True)
                self.at = end + 1
            elif char == '"':
                self.double()
            elif char == "\\":
                if text[self.at + 1 : self.at + 2] != "\n":
                    self.add("text", text[self.at + 1 : self.at + 2], True)
                self.at += 2
            elif char == "$":
                self.dollar(False)
            elif char == "`":
                self.backquote(False)
            else:
                self.add("text", char, False)
                self.at += 1
        return Word(tuple(self.parts), start)

    def add(self, kind: Literal["text", "variable", "unknown"], text: str, quoted: bool) -> None:
        last = self.parts[-1] if self.parts else None
        if last is not None and kind == last.kind == "text" and last.quoted == quoted:
            self.parts[-1] = Part("text", last.text + text, quoted)
        else:
            self.parts.append(Part(kind, text, quoted))

    def double(self) -> None:
        text = self.text
        self.add("text", "", True)
        self.at += 1
        while self.at < len(text):
            char = text[self.at]
            if char == '"':
                self.at += 1
                return
            if char == "\\" and text[self.at + 1 : self.at + 2] in ("$", "`", '"', "\\", "\n"):
                self.add("text", text[self.at + 1].replace("\n", ""), True)
                self.at += 2
            elif char == "$":
                self.dollar(True)
            elif char == "`":
                self.backquote(True)
            else:
                self.add("text", char, True)
                self.at += 1
        raise Unreadable("a quote is not closed")

    def dollar(self, quoted: bool) -> None:
        text, at = self.text, self.at
        follows = text[at + 1 : at + 2]
        if follows == "(":
            self.at = self.closing(at + 2, ")")
            self.add("unknown", text[at : self.at], quoted)
        elif follows == "{":
            self.at = self.closing(at + 2, "}")
            inside = text[at + 2 : self.at - 1]
            plain = _NAME.fullmatch(inside)
            self.add("variable" if plain else "unknown", inside, quoted)
        elif match := _NAME.match(text, at + 1):
            self.add("variable", match[0], quoted)
            self.at = match.end()
        elif follows == "'" and not quoted:
            raise Unreadable("$'…'")
        elif follows and follows in "?#*@!$-0123456789":
            self.add("unknown", text[at : at + 2], quoted)
            self.at += 2
        else:
            self.add("text", "$", True)
            self.at += 1

    def backquote(self, quoted: bool) -> None:
        end = self.at + 1
        while end < len(self.text) and self.text[end] != "`":
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise Unreadable("a back quote is not closed")
        self.add("unknown", self.text[self.at : end + 1], quoted)
        self.at = end + 1

    def closing(self, at: int, sign: str) -> int:
        """The place behind the bracket that closes what was opened before ``at``."""
        opening = {")": "(", "}": "{"}[sign]
        text, depth = self.text, 1
        while at < len(text):
            char = text[at]
            if char == "\\":
                at += 1
            elif char == "'" and sign == ")":
                at = text.find("'", at + 1)
                if at < 0:
                    break
            elif char == '"':
                inner = _Reader(text, at)
                inner.double()
                at = inner.at - 1
            elif char == opening:
                depth += 1
            elif char == sign:
                depth -= 1
                if not depth:
                    return at + 1
            at += 1
        raise Unreadable(f"{sign!r} is missing")
