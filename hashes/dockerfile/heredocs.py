"""Heredocs: the words of an instruction that open a document, as BuildKit finds them."""

from __future__ import annotations

import re
from typing import NamedTuple

from hashes.dockerfile.split import SPACE

_TIGHT = re.compile(r"^([0-9]*)<<(-?)([^<]*)\Z")
_LOOSE = re.compile(r"^([0-9]*)<<(-?)[\t\n\f\r ]*([^<]*)\Z")
_SPECIAL = frozenset("@*#?-$!0")


class HeredocWord(NamedTuple):
    """An argument such as ``<<-"EOF"``: the name of a document that follows the instruction."""

    name: str
    expand: bool
    """False when the name is quoted: variables stay as they are written."""
    chomp: bool
    """True for ``<<-``: leading tabs of each line are dropped."""


class Unbalanced(ValueError):
    """Text in which a quote or a brace is not closed."""


def heredoc(word: str, *, blank: bool = True) -> HeredocWord | None:
    """Read a word as the start of a heredoc; None when it is an ordinary word.

    ``blank``: the name may stand behind blanks (frontend 1.16 on). ``\\EOF`` is not quoted to
    BuildKit, other than to a shell.
    """
    match = (_LOOSE if blank else _TIGHT).match(word)
    if match is None or not match[3]:
        return None
    try:
        plain = shell_words(match[3], blank=blank)
        raw = shell_words(match[3], blank=blank, quotes=True)
    except Unbalanced:
        return None
    if len(plain) != 1:
        return None
    expand = len(raw) == 1 and _quotes(plain[0]) == _quotes(raw[0])
    return HeredocWord(plain[0], expand, match[2] == "-")


def heredocs(line: str, *, blank: bool) -> tuple[HeredocWord, ...]:
    """All documents that the whole line of an instruction opens, in their order."""
    if "<<" not in line:
        return ()
    try:
        words = shell_words(line, blank=blank, quotes=True, escapes=True)
    except Unbalanced:
        return ()
    found = (heredoc(word, blank=blank) for word in words)
    return tuple(each for each in found if each is not None)


def chomp(content: str) -> str:
    """Drop the leading tabs of each line, as ``<<-`` does."""
    return re.sub(r"(?m)^\t+", "", content)


def _quotes(word: str) -> int:
    return word.count("'") + word.count('"')


def shell_words(
    text: str, *, blank: bool, quotes: bool = False, escapes: bool = False
) -> list[str]:
    """Split as a shell would, variables left as they are; raises `Unbalanced`.

    ``blank``: blanks behind ``<<`` do not end a word. ``quotes``, ``escapes``: keep their signs.
    """
    lexer = _Lexer(text, blank, quotes)
    return lexer.until("", escapes)[1]


class _Lexer:
    """shell/lex.go with an empty environment and SkipUnsetEnv."""

    def __init__(self, text: str, blank: bool, quotes: bool) -> None:
        self.text = text
        self.at = 0
        self.blank = blank
        self.quotes = quotes

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def next(self) -> str:
        sign = self.peek()
        self.at += 1
        return sign

    def until(self, stop: str, escapes: bool) -> tuple[str, list[str]]:
        result: list[str] = []
        words: list[str] = []
        word = ""
        while sign := self.peek():
            if sign == stop:
                self.next()
                break
            if sign == "$":
                part = self.dollar()
                for each in part:
                    word = _add(each, word, words)
            elif sign in "'\"":
                part = self.single() if sign == "'" else self.double(escapes)
                word += part
            elif sign == "<" and self.blank:
                part = self.opening()
                word += part
            else:
                part = self.next()
                if part == "\\":
                    following = self.next()
                    part = ("\\" if escapes else "") + following
                    word += part
                else:
                    word = _add(part, word, words)
            result.append(part)
        else:
            if stop:
                raise Unbalanced(stop)
        return "".join(result), [*words, word] if word else words

    def opening(self) -> str:
        start = self.at
        self.next()
        if self.peek() == "<":
            self.next()
            while self.peek() and self.peek() in "\t\r ":
                self.next()
        return self.text[start : self.at]

    def single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise Unbalanced("'")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return f"'{inside}'" if self.quotes else inside

    def double(self, escapes: bool) -> str:
        out: list[str] = []
        self.next()
        while sign := self.peek():
            if sign == "$":
                out.append(self.dollar())
                continue
            self.next()
            if sign == '"':
                inside = "".join(out)
                return f'"{inside}"' if self.quotes else inside
            if sign == "\\":
                if escapes:
                    out.append(sign)
                if not self.peek():
                    continue
                if self.peek() in ('"', "$", "\\"):
                    sign = self.next()
            out.append(sign)
        raise Unbalanced('"')

    def dollar(self) -> str:
        self.next()
        if self.peek() != "{":
            return "$" + self.name()
        self.next()
        if self.peek() in ("", "{", "}", ":"):
            raise Unbalanced("}")
        name, sign = self.name(), self.next()
        if sign == "}":
            return f"${{{name}}}"
        if sign == "/":
            every = self.peek() == "/"
            if every:
                self.next()
            pattern, _ = self.until("/", True)
            replacement, _ = self.until("}", True)
            return f"${{{name}/{pattern}/{replacement}}}"
        if sign == ":":
            sign += self.next()
            if sign in (":#", ":%"):
                raise Unbalanced(sign)
        elif sign not in ("+", "-", "?", "#", "%"):
            raise Unbalanced("}")
        word, _ = self.until("}", sign in ("#", "%"))
        return f"${{{name}{sign}{word}}}"

    def name(self) -> str:
        start = self.at
        sign = self.peek()
        if sign.isdecimal():
            while self.peek().isdecimal():
                self.at += 1
        elif sign and sign in _SPECIAL:
            self.at += 1
        else:
            while (sign := self.peek()) and (sign.isalpha() or sign.isdecimal() or sign == "_"):
                self.at += 1
        return self.text[start : self.at]


def _add(sign: str, word: str, words: list[str]) -> str:
    if sign not in SPACE:
        return word + sign
    if word:
        words.append(word)
    return ""
