"""Lines of a TOML file: where each key stands, which TOML readers do not tell."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping

from layers.config.toml import Path, tomllib


def lines(text: str) -> Mapping[Path, int]:
    """The line, from 1, of each table, key and array element of a text that `read` accepts.

    A table's line is that of its header; of one that has none, the first that speaks of it.
    """
    scan = Scan(text)
    scan.document()
    return scan.found


_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_STRINGS = (  # longest quotes first; up to two more quotes may belong to the text's end
    re.compile(r'"""(?:[^\\]|\\[\s\S])*?""""{0,2}'),
    re.compile(r"'''[\s\S]*?''''{0,2}"),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


class Scan:
    """One pass over a text that is known to be TOML, so that it need not be checked again."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._sizes: dict[Path, int] = {}  # of the arrays of tables

    def document(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            table = self._header() if self.text[self.at] == "[" else self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        line = self._line()
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        *above, last = self._keys()
        self.at += 2 if many else 1
        path: Path = ()
        for key in above:
            path = (*path, key)
            self.found.setdefault(path, line)
            if path in self._sizes:
                path = (*path, self._sizes[path] - 1)
        path = (*path, last)
        if many:
            self.found.setdefault(path, line)
            self._sizes[path] = self._sizes.get(path, 0) + 1
            path = (*path, self._sizes[path] - 1)
        self.found[path] = line
        return path

    def _pair(self, table: Path) -> Path:
        line = self._line()
        path = table
        for key in self._keys():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at += 1  # the "="
        self._skip(_SPACE)
        self._value(path)
        return table

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            bare = _BARE.match(self.text, self.at)
            if bare:
                self.at = bare.end()
                keys.append(bare[0])
            else:
                start = self.at
                self._string()
                keys.append(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])
            self._skip(_SPACE)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, path: Path) -> None:
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline(path)
        elif first in "\"'":
            self._string()
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self.at += 1
        position = 0
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "]":
                self.at += 1
                return
            self.found[(*path, position)] = self._line()
            self._value((*path, position))
            position += 1
            self._skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip(_BLANK)
            if self.text[self.at] == "}":
                self.at += 1
                return
            self._pair(path)
            self._skip(_BLANK)
            if self.text[self.at] == ",":
                self.at += 1

    def _string(self) -> None:
        match = next(filter(None, (one.match(self.text, self.at) for one in _STRINGS)))
        self.at = match.end()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        assert match is not None  # each of them matches nothing at all, too
        self.at = match.end()

    def _line(self) -> int:
        return bisect_left(self._ends, self.at) + 1
