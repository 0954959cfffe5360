"""Lists of patterns as moby's patternmatcher applies them: last match wins, parents count.

A path's result builds on its parent directory's, pattern by pattern (`MatchesUsingParentResults`,
the one method that fsutil's walk and BuildKit's checksum call).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from hashes.context.gopath import BadPattern, clean, expression
from hashes.context.goregex import python_of

_ESCAPED = ".+()$"  # the byte-sized bit mask in patternmatcher.go loses every character above "?"
_LOST = "[\udc80-\udcff]"


def runes(text: str) -> str:
    """Show bytes that are not UTF-8 as Go's regexp and its JSON do: U+FFFD each."""
    return text if text.isascii() else re.sub(_LOST, "\ufffd", text)


class Pattern:
    """One pattern; BadPattern from the constructor for what patternmatcher refuses at once."""

    def __init__(self, text: str, line: int = 0) -> None:
        text = clean(text)
        self.line = line
        """Where it stands, from 1; 0 when it stands in no file."""
        self.negative = text.startswith("!")
        """An exception (``!a``): takes back what was matched."""
        self.text = text[1:] if self.negative else text
        if not self.text:
            raise BadPattern('"!" alone excludes nothing')
        expression(self.text)  # for its BadPattern alone
        self.kind, self.source = _translate(self.text)
        """How it matches: "exact", "prefix", "suffix" (with the text) or "regex" (Go's)."""
        self.directory, _, self.name = self.text.rpartition("/")

    @cached_property
    def regex(self) -> str:
        """The Python expression; BadPattern only now, as Go compiles at the first use."""
        return python_of(self.source)

    @cached_property
    def _search(self) -> re.Pattern[str]:
        return re.compile(self.regex)

    def match(self, path: str) -> bool:
        """Tell whether the pattern itself matches, whatever it says of the parents."""
        if self.kind == "exact":
            return path == self.source
        if self.kind == "prefix":
            return path.startswith(self.source)
        if self.kind == "suffix":
            return path.endswith(self.source) or "/" + path == self.source
        return self._search.search(runes(path)) is not None


def _translate(pattern: str) -> tuple[str, str]:
    kind, out, at = "exact", ["^"], 0
    text = pattern.removeprefix("\ufeff")  # Go's text/scanner skips a byte order mark
    first = True
    while at < len(text):
        char = text[at]
        at += 1
        if text.startswith("**", at - 1):
            at += 1
            at += text.startswith("/", at)
            if at < len(text):
                out.append("(.*/)?")
                kind = "regex"
            elif kind == "exact":
                kind = "prefix"
            else:
                out.append(".*")
                kind = "regex"
            if first:
                kind = "suffix"
        elif char in "*?":
            out.append("[^/]*" if char == "*" else "[^/]")
            kind = "regex"
        elif char in _ESCAPED:
            out.append("\\" + char)
        elif char == "\\":
            out.append("\\" + text[at : at + 1])
            kind = "regex"
            at += 1
        else:
            out.append(char)
            if char in "[]":
                kind = "regex"
        first = False
    if kind == "prefix":
        return kind, pattern[:-2]
    if kind == "suffix":
        return kind, pattern[2:]
    return kind, pattern if kind == "exact" else "".join(out) + "$"


class Patterns:
    """An ordered list of patterns."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.all = tuple(patterns)
        self.negatives = any(pattern.negative for pattern in self.all)
        self._reentries: list[str] | None = []
        for pattern in self.all:
            if pattern.negative and self._reentries is not None:
                bare = pattern.text.removesuffix("/**").removesuffix("/*")
                if any(char in bare for char in "*[]?^\\"):
                    self._reentries = None
                else:
                    self._reentries.append(bare + "/")

    def root(self) -> Scope:
        return Scope(self, "", ())

    def prunable(self, path: str) -> bool:
        """Tell whether nothing below a matched directory can be taken back by an exception."""
        if self._reentries is None:
            return False
        return not any(entry.startswith(path + "/") for entry in self._reentries)

    def last_match(self, path: str) -> Pattern | None:
        """Find the pattern that decides that a path is matched; None when it is not."""
        parents: list[bool] = [False] * len(self.all)
        decisive: Pattern | None = None
        for at in [i for i, char in enumerate(path) if char == "/"] + [len(path)]:
            decisive, parents = self.evaluate(path[:at], parents)
        return decisive

    def evaluate(self, path: str, parents: Sequence[bool]) -> tuple[Pattern | None, list[bool]]:
        """Apply the list to one path, from its directory's results to its own."""
        decisive: Pattern | None = None
        own = [False] * len(self.all)
        for i, pattern in enumerate(self.all):
            own[i] = parents[i] or (
                pattern.negative == (decisive is not None) and pattern.match(path)
            )
            if own[i]:
                decisive = None if pattern.negative else pattern
        return decisive, own


class Scope:
    """What a list of patterns says of the entries of one directory."""

    def __init__(self, patterns: Patterns, path: str, inherited: Sequence[bool]) -> None:
        self.path = path
        self._patterns = patterns
        self._inherited = inherited
        """By pattern: it matched the directory. Empty: none did."""
        self._slash = path + "/" if path else ""
        self._start, self._runs = self._compile()

    def match(self, name: str) -> bool:
        """Tell whether the entry of this name is matched in the end."""
        matched = self._start
        for run in self._runs:
            if run.negative == matched and run.any(name, self._slash):
                matched = not matched
        return matched

    def enter(self, name: str) -> Scope:
        """Give the scope of a directory that lies here."""
        path = self._slash + name
        if not self._patterns.negatives and not self.match(name):
            return Scope(self._patterns, path, ())
        known = self._inherited or [False] * len(self._patterns.all)
        return Scope(self._patterns, path, self._patterns.evaluate(path, known)[1])

    def _compile(self) -> tuple[bool, list[_Run]]:
        """Keep of the patterns what can matter to a child of this directory.

        A pattern that matches every child decides whatever stands before it.
        """
        start = False
        runs: list[_Run] = []
        for i, pattern in enumerate(self._patterns.all):
            names = "" if self._inherited and self._inherited[i] else _names(pattern, self.path)
            if names == "":
                start = not pattern.negative
                runs = []
            elif names is not None:
                if not runs or runs[-1].negative != pattern.negative:
                    runs.append(_Run(pattern.negative))
                runs[-1].add(pattern, names)
        return start, runs


def _names(pattern: Pattern, directory: str) -> str | None:
    """Say which names in a directory a pattern matches.

    "=x": only x, "<x": those that begin so, ">x": those that end so, "~": ask its expression,
    "": every name, None: no name.
    """
    text, slash = pattern.source, directory + "/" if directory else ""
    if pattern.kind == "exact":
        return "=" + pattern.name if pattern.directory == directory and pattern.name else None
    if pattern.kind == "prefix":
        if slash.startswith(text):
            return ""
        rest = text[len(slash) :]
        return "<" + rest if text.startswith(slash) and "/" not in rest else None
    if pattern.kind == "suffix":
        head, between, tail = text.rpartition("/")
        if not between:
            return ">" + tail if tail else ""
        below = slash.endswith(head + "/") or "/" + slash == head + "/"
        return "=" + tail if below else None
    return _simple(pattern, directory)


def _simple(pattern: Pattern, directory: str) -> str | None:
    """Spare ``*.x``, ``x*``, ``d/*.x`` and ``**/*.x`` their regular expression."""
    if any(char in pattern.text for char in "?[]\\|{}^\ufeff\ufffd"):
        return "~"
    head, name = pattern.directory, pattern.name
    if name.count("*") != 1 or (head != "**" and "*" in head) or "\n" in directory:
        return "~"
    if head not in ("**", directory) or pattern.text.startswith("/"):
        return None
    if name == "*":
        return ""
    if name[0] == "*":
        return ">" + name[1:]
    return "<" + name[:-1] if name[-1] == "*" else "~"


class _Run:
    """Neighbouring patterns of one sign: they match when any of them does."""

    def __init__(self, negative: bool) -> None:
        self.negative = negative
        self._patterns: list[Pattern] = []
        self._names: set[str] = set()
        self._starts: tuple[str, ...] = ()
        self._ends: tuple[str, ...] = ()
        self._regexes: list[Pattern] = []
        self._search: re.Pattern[str] | None = None

    def add(self, pattern: Pattern, names: str) -> None:
        self._patterns.append(pattern)
        sign, text = names[0], names[1:]
        if sign == "=":
            self._names.add(text)
        elif sign == "<":
            self._starts += (text,)
        elif sign == ">":
            self._ends += (text,)
        else:
            self._regexes.append(pattern)

    def any(self, name: str, slash: str) -> bool:
        if name in self._names or name.startswith(self._starts) or name.endswith(self._ends):
            return True
        if not self._regexes:
            return False
        if self._search is None:
            try:
                self._search = _combined(tuple(pattern.regex for pattern in self._regexes))
            except BadPattern:  # it counts only if a path comes as far as the bad one
                return any(pattern.match(slash + name) for pattern in self._patterns)
        return self._search.search(runes(slash + name)) is not None


_COMBINED: dict[tuple[str, ...], re.Pattern[str]] = {}


def _combined(regexes: tuple[str, ...]) -> re.Pattern[str]:
    found = _COMBINED.get(regexes)
    if found is None:
        found = _COMBINED[regexes] = re.compile("|".join(f"(?:{regex})" for regex in regexes))
    return found
