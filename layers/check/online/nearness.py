"""Nearness: which names of a package index somebody may have meant by one that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable

SHOWN = 3
"""Names that are told at most."""

_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_T64 = re.compile(r"t64(?=$|-)")  # Debian 13 and Ubuntu 24.04 put it behind names of libraries


def near(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """The nearest of ``names``, the best first; empty where none is near.

    The same package in another version goes before one slip of the fingers, that before a name
    which has this one as a part, and that before two slips.
    """
    stem, letters = _stem(name), set(name)
    most = 1 if len(name) < 6 else 2
    found: list[tuple[int, float, str]] = []
    for each in names:
        if each == name:
            continue
        if _stem(each) == stem:
            found.append((0, _apart(name, each), each))
        elif len(name) > 3 and (each.startswith(f"{name}-") or each.endswith(f"-{name}")):
            found.append((2, len(each), each))
        elif abs(len(each) - len(name)) <= most and len(letters ^ set(each)) <= 2 * most:
            slips = slip(name, each, most)
            if slips <= most:
                found.append((1 if slips == 1 else 3, 0, each))
    best = min(found, default=(0, 0, ""))[0]
    return tuple(each for kind, _, each in sorted(found) if kind == best)[:SHOWN]


def _stem(name: str) -> str:
    """A name without its versions: of ``libssl1.1`` and ``libssl3t64`` the same."""
    return _NUMBER.sub("#", _T64.sub("", name))


def _apart(one: str, other: str) -> float:
    """How far the versions in two names of one stem are from each other."""
    pairs = zip(
        _NUMBER.findall(_T64.sub("", one)), _NUMBER.findall(_T64.sub("", other)), strict=False
    )
    return sum(abs(_value(a) - _value(b)) for a, b in pairs)


def _value(version: str) -> float:
    major, _, rest = version.partition(".")
    return int(major) + int(rest.partition(".")[0] or 0) / 1000


def slip(one: str, other: str, most: int) -> int:
    """Slips of the fingers between two words, more than ``most`` as ``most + 1``.

    A slip is a letter too many, too few or wrong, or two that changed places (the distance of
    Damerau and Levenshtein, of optimal string alignment).
    """
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > most and min(last) > most:
            return most + 1
        before, last = last, row
    return min(last[-1], most + 1)
