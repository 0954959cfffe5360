"""Names: what an image, a stack or a project of ``images.toml`` may be called."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence

from layers.config.schema import COMMANDS

_LONGEST = 60


def slug(text: str) -> str:
    """``text`` as a name: lower-case letters and digits, joined by ``.``, ``_`` or ``-``."""
    words = re.sub(r"[^a-z0-9._-]+", "-", text.lower())
    words = re.sub(r"([._-])[._-]+", r"\1", words)
    return words[:_LONGEST].strip("._-")


def free(candidates: Iterable[str], taken: Container[str]) -> str:
    """The first candidate that is a name and is free; else the last with a number behind it."""
    last = "image"
    for candidate in candidates:
        name = slug(candidate)
        if not name:
            continue
        last = name
        if name not in taken and name not in COMMANDS:
            return name
    number = 2
    while f"{last}-{number}" in taken:
        number += 1
    return f"{last}-{number}"


def assign(ladders: Sequence[Sequence[str]], taken: Container[str] = ()) -> list[str]:
    """A name for each ladder of candidates, the short ones first.

    Candidates that several want at the same rung go to none of them, so that no name depends on
    the order of files.
    """
    names: list[str] = [""] * len(ladders)
    rungs = [[name for name in map(slug, ladder) if name] for ladder in ladders]
    used: set[str] = set()
    for rung in range(max(map(len, rungs), default=0)):
        wanted: dict[str, list[int]] = {}
        for at, ladder in enumerate(rungs):
            if not names[at] and rung < len(ladder):
                wanted.setdefault(ladder[rung], []).append(at)
        for name, askers in wanted.items():
            if len(askers) == 1 and name not in used and name not in taken and name not in COMMANDS:
                names[askers[0]] = name
        used |= set(names)
    for at, ladder in enumerate(rungs):
        if not names[at]:
            names[at] = free(ladder, _Either(used, taken))
            used.add(names[at])
    return names


class _Either:
    def __init__(self, *parts: Container[str]) -> None:
        self.parts = parts

    def __contains__(self, name: object) -> bool:
        return any(name in part for part in self.parts)


def common_head(names: Sequence[str]) -> str:
    """What all names begin with, up to a joint; empty where one of them has nothing behind it."""
    head = names[0]
    for name in names[1:]:
        while head and not name.startswith(head):
            head = head[:-1]
    while head and head[-1] not in "._-":
        head = head[:-1]
    rest = [name[len(head) :] for name in names]
    return head.rstrip("._-") if head and all(each and each[0].isalnum() for each in rest) else ""
