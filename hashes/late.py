"""Late build arguments: those whose values come after the build, and which instructions see them.

A LABEL alone may read one, as a label is put on without a build.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from hashes.dockerfile.arguments import pairs
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile
from hashes.dockerfile.reachable import Reached

_UNEXPANDED = frozenset(
    ("CMD", "ENTRYPOINT", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "SHELL")
)
"""LABEL is what may read one; the others are taken as they are written."""


class Sight(NamedTuple):
    """An instruction that would be another one with another value."""

    line: int
    keyword: str
    name: str
    """The argument."""


def sights(
    file: Dockerfile, reached: Sequence[Reached], names: Collection[str]
) -> tuple[Sight, ...]:
    """Every instruction but LABEL that sees one of the arguments, in the order of the stages.

    A RUN sees all that are declared above it in its stage, and in those that this one is made
    from; any other sees those that it reads.  ``names`` are the arguments.
    """
    found: list[Sight] = []
    for item in file.global_args:
        found += _read(item, names)
    scopes: dict[int, set[str]] = {}
    for stage in reached:
        head = file.stages[stage.index]
        for name in _named((head.base, head.platform or ""), names):
            found.append(Sight(head.line, "FROM", name))
        scope = set(scopes.get(stage.base.stage, ())) if stage.base.stage is not None else set()
        for item in stage.instructions:
            found += _seen(item, names, scope)
        scopes[stage.index] = scope
    return tuple(dict.fromkeys(found))


def _seen(item: Instruction, names: Collection[str], scope: set[str]) -> Iterator[Sight]:
    """What an instruction sees; the scope is that after it."""
    if item.keyword == "RUN":
        yield from (Sight(item.line, "RUN", name) for name in names if name in scope)
        return
    if item.keyword == "ARG":
        yield from _read(item, scope)
        scope.update(name for name, _ in pairs(item) if name in names)
    elif item.keyword not in _UNEXPANDED:
        yield from _read(item, scope)
    if item.keyword == "ENV":  # from here on it is the ENV that is read
        scope.difference_update(item.words[::2])


def _read(item: Instruction, names: Collection[str]) -> Iterator[Sight]:
    bodies = (each.content for each in item.heredocs)
    for name in _named((*item.flags, *item.words, *bodies), names):
        yield Sight(item.line, item.keyword, name)


def _named(texts: Sequence[str], names: Collection[str]) -> Iterator[str]:
    for name in names:
        variable = re.compile(rf"\$(?:{name}\b|\{{{name}\b)")
        if any(variable.search(text) for text in texts):
            yield name
