"""Paths as Go sees them: `filepath.Clean` and `filepath.Match`, whose rules BuildKit's are."""

from __future__ import annotations

import re
from functools import lru_cache

SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's `strings.TrimSpace` trims; Python's `str.strip` takes \\x1c to \\x1f as well."""


class BadPattern(ValueError):
    """A pattern that Go's `filepath.Match` or `regexp` refuses."""


def clean(path: str) -> str:
    """Shorten a path by its text alone, as Go's `filepath.Clean` does; "" is "."."""
    rooted = path.startswith("/")
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts and parts[-1] != "..":
            parts.pop()
        elif not rooted:
            parts.append(part)
    text = "/".join(parts)
    return "/" + text if rooted else text or "."


def inside(path: str) -> str:
    """Clean a path and clamp it to its root: "../../a", "/a" and "x/../a" are "a"; root is ""."""
    return clean("/" + path)[1:]


def has_wildcard(text: str) -> bool:
    """Tell whether BuildKit takes a source for a pattern: an unescaped ``*``, ``?`` or ``[``."""
    return re.match(r"(?:\\.|[^\\*?\[])*[*?\[]", text, re.DOTALL) is not None


@lru_cache(maxsize=4096)
def glob(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of Go's `filepath.Match` for `re.Pattern.match` on a whole path.

    A BadPattern tells of wrong syntax anywhere in it, as Go's does.
    """
    return re.compile(expression(pattern), re.DOTALL)


def expression(pattern: str) -> str:
    """Say in Python what a pattern of Go's `filepath.Match` says of a whole path; see `glob`."""
    out: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[":
            at = _class(pattern, at, out)
        else:
            if char == "\\":
                if at == len(pattern):
                    raise BadPattern(pattern)
                char = pattern[at]
                at += 1
            out.append(re.escape(char))
    return "".join(out) + r"\Z"


def _class(pattern: str, at: int, out: list[str]) -> int:
    """Read a class from behind its ``[``; it may match a slash (as Go's does)."""
    negated = pattern.startswith("^", at)
    at += negated
    ranges: list[str] = []
    seen = 0
    while not (seen and pattern.startswith("]", at)):
        low, at = _member(pattern, at)
        high = low
        if pattern.startswith("-", at):
            high, at = _member(pattern, at + 1)
        if low <= high:
            ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        seen += 1
    if ranges:
        out.append(f"[{'^' if negated else ''}{''.join(ranges)}]")
    else:
        out.append("." if negated else "(?!)")
    return at + 1


def _member(pattern: str, at: int) -> tuple[str, int]:
    if at >= len(pattern) or pattern[at] in "-]":
        raise BadPattern(pattern)
    if pattern[at] == "\\":
        at += 1
    if at + 1 >= len(pattern):
        raise BadPattern(pattern)
    return pattern[at], at + 1
