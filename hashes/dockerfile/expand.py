"""Expansion: BuildKit's ``$variables``, quotes and escapes in a Dockerfile's arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_SPECIAL = frozenset("@*#?-$!0")


class WordError(ValueError):
    """A word that BuildKit cannot expand; the caller knows file and line."""


class Expansion(NamedTuple):
    """What a word became, and which variables that took."""

    text: str
    read: frozenset[str] = frozenset()
    """Every variable that the word names, set or not."""
    unset: frozenset[str] = frozenset()
    """Those of `read` that the environment does not have."""


def expand(
    word: str,
    env: Mapping[str, str],
    *,
    escape: str = "\\",
    quotes: bool = True,
    lenient: bool = False,
) -> Expansion:
    """Expand one word; raises `WordError` for what BuildKit refuses.

    ``quotes`` False leaves quotes in place (heredoc bodies); ``lenient`` lets ``${x:?}`` pass.
    """
    special = ("$", escape, "'", '"') if quotes else ("$", escape)
    if not any(sign in word for sign in special):
        return Expansion(word)
    lexer = _Lexer(word, env, escape, quotes, lenient)
    text = lexer.until("", raw=False)
    return Expansion(text, frozenset(lexer.read), frozenset(lexer.unset))


class _Lexer:
    def __init__(
        self, text: str, env: Mapping[str, str], escape: str, quotes: bool, lenient: bool
    ) -> None:
        self.text = text
        self.at = 0
        self.env = env
        self.escape = escape
        self.quotes = quotes
        self.lenient = lenient
        self.read: set[str] = set()
        self.unset: set[str] = set()

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def next(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    def until(self, stop: str, *, raw: bool) -> str:
        """Read up to and with ``stop`` ('' for the end); ``raw`` keeps escape signs."""
        out: list[str] = []
        while char := self.peek():
            if char == stop:
                self.next()
                return "".join(out)
            if char == "$":
                out.append(self.dollar())
            elif char == "'" and self.quotes:
                out.append(self.single())
            elif char == '"' and self.quotes:
                out.append(self.double(raw))
            else:
                self.next()
                if char == self.escape:
                    if raw:
                        out.append(char)
                    char = self.next()
                out.append(char)
        if stop:
            raise WordError(f"missing {stop!r}")
        return "".join(out)

    def single(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise WordError("a single quote is not closed")
        inside = self.text[self.at + 1 : end]
        self.at = end + 1
        return inside

    def double(self, raw: bool) -> str:
        out: list[str] = []
        self.next()
        while char := self.peek():
            if char == '"':
                self.next()
                return "".join(out)
            if char == "$":
                out.append(self.dollar())
                continue
            self.next()
            if char == self.escape:
                if raw:
                    out.append(char)
                if not self.peek():
                    break
                if self.peek() in ('"', "$", self.escape):
                    char = self.next()
            out.append(char)
        raise WordError("a double quote is not closed")

    def name(self) -> str:
        start = self.at
        char = self.peek()
        if char.isdecimal():
            while self.peek().isdecimal():
                self.at += 1
        elif char in _SPECIAL and char:
            self.at += 1
        else:
            while (char := self.peek()) and (char.isalpha() or char.isdecimal() or char == "_"):
                self.at += 1
        return self.text[start : self.at]

    def value(self, name: str) -> str | None:
        self.read.add(name)
        value = self.env.get(name)
        if value is None:
            self.unset.add(name)
        return value

    def dollar(self) -> str:
        self.next()
        if self.peek() != "{":
            name = self.name()
            return (self.value(name) or "") if name else "$"
        self.next()
        if self.peek() in ("", "{", "}", ":"):
            raise WordError("bad substitution after '${'")
        return self.braces(self.name())

    def braces(self, name: str) -> str:
        sign = self.next()
        if sign == "}":
            return self.value(name) or ""
        if sign == "/":
            return self.replace(name)
        empty_is_unset = sign == ":"
        if empty_is_unset:
            sign = self.next()
        if sign not in ("+", "-", "?", "#", "%") or (empty_is_unset and sign in "#%"):
            raise WordError(f"unsupported modifier {sign!r} in '${{{name}…}}'")
        word = self.until("}", raw=sign in "#%")
        value = self.value(name)
        there = value is not None and not (empty_is_unset and value == "")
        if sign == "-":
            return (value or "") if there else word
        if sign == "+":
            return word if there else ""
        if sign == "?":
            if not there and not self.lenient:
                state = "empty" if value == "" else "unset"
                raise WordError(f"{name}: {word or f'is not allowed to be {state}'}")
            return value or ""
        greedy = word.startswith(sign)
        return _trim(word[1:] if greedy else word, value or "", sign, greedy)

    def replace(self, name: str) -> str:
        every = self.peek() == "/"
        if every:
            self.next()
        pattern = self.until("/", raw=True)
        replacement = self.until("}", raw=True)
        found = re.compile(_regex(pattern, greedy=True))
        return found.sub(lambda _: replacement, self.value(name) or "", count=0 if every else 1)


def _trim(pattern: str, value: str, sign: str, greedy: bool) -> str:
    if sign == "#":
        match = re.match(_regex(pattern, greedy), value)
        return value[match.end() :] if match else value
    whole = re.compile(_regex(pattern, greedy) + r"\Z")
    starts = range(len(value) + 1) if greedy else range(len(value), -1, -1)
    for start in starts:
        if whole.match(value, start):
            return value[:start]
    return value


def _regex(pattern: str, greedy: bool) -> str:
    """Turn a shell pattern (``*``, ``?``, no brackets) into a regular expression."""
    out: list[str] = []
    signs = iter(pattern)
    for sign in signs:
        if sign == "*":
            out.append(".*" if greedy else ".*?")
        elif sign == "?":
            out.append(".")
        elif sign == "\\":
            following = next(signs, "")
            if following not in ("}", "/", "*", "?", "\\"):
                raise WordError(f"invalid escape '\\{following}' in a pattern")
            out.append(re.escape(following))
        else:
            out.append(re.escape(sign))
    return "".join(out)
