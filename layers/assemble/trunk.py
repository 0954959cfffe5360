"""Trunk and tail: which steps of an image need BuildKit, and which only come after these.

A trunk is a beginning of an image's steps that ends with one which has to run, or later with a
COPY from another stage or image; it may be no more than the base.  The tail is what comes after
it, and can be assembled on top of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hashes.context.gopath import has_wildcard
from hashes.dockerfile import git
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.reachable import Reached, Source
from layers.assemble.obstacle import Obstacle

SETTINGS = frozenset(
    (
        *("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER"),
        *("ONBUILD", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"),
    )
)
"""What changes the configuration, and no file but a folder that WORKDIR makes."""
MOST_TRUNKS = 4
"""How many trunks of an image are left for those that come after: the longest, the shortest."""
LINKED_OWNER = "engines differ in whose the folders on the way are with --link and --chown"


class Part(NamedTuple):
    """What of one stage is in the tail."""

    stage: Reached
    first: int
    """How many of its instructions are in the trunk."""


class Division(NamedTuple):
    """An image's steps, divided after one of them."""

    base: Source
    """Of which image the whole line of stages is made; ``scratch`` for an empty one."""
    line: tuple[Reached, ...]
    """The stages that are made from one another, the target last."""
    tail: tuple[Part, ...]
    """In their order; the trunk's own stage is the first of them."""
    last: Obstacle | None
    """The last step of the trunk, and why it is not in the tail; None where the trunk is the base
    itself."""

    @property
    def copies(self) -> tuple[Copied, ...]:
        """The steps of the tail that take from another stage or image."""
        return tuple(
            Copied(item, source)
            for stage, first in self.tail
            for position, item in enumerate(stage.instructions)
            if position >= first
            and (source := stage.sources.get((position, 0))) is not None
            and item.keyword == "COPY"
        )


class Copied(NamedTuple):
    """A step that takes from another stage or image."""

    item: Instruction
    source: Source


def divide(stages: Sequence[Reached]) -> Division:
    """Divide the target, the last of ``stages``, so that nothing in its tail takes from elsewhere.

    A pure function of the Dockerfile: what is at a destination, or in a file that is added, may
    stand in the way later.
    """
    return divisions(stages)[0]


def divisions(stages: Sequence[Reached]) -> tuple[Division, ...]:
    """All ways to divide the target, the last of ``stages``; the longest trunk first.

    The shortest ends with the last step that has to run, the others with one that takes from
    another stage or image; of many the longest and the shortest.
    """
    by_index = {stage.index: stage for stage in stages}
    line = [stages[-1]]
    while (below := line[0].base.stage) is not None:
        line.insert(0, by_index[below])
    found: list[Division] = []
    after: tuple[Part, ...] = ()
    for stage in reversed(line):
        for position in range(len(stage.instructions) - 1, -1, -1):
            item = stage.instructions[position]
            reason, source = runs(item), stage.sources.get((position, 0))
            if reason or source is not None:
                told = reason or f"it copies from {source.text if source else ''}"
                last = Obstacle(item.line, step_name(item), told)
                tail = (Part(stage, position + 1), *after)
                found.append(Division(line[0].base, tuple(line), tail, last))
            if reason:
                return _some(found)
        after = (Part(stage, 0), *after)
    found.append(Division(line[0].base, tuple(line), after, None))
    return _some(found)


def _some(found: Sequence[Division]) -> tuple[Division, ...]:
    return (*found[: MOST_TRUNKS - 1], *found[MOST_TRUNKS - 1 :][-1:])


def step_name(item: Instruction) -> str:
    """The keyword of an instruction, with the flag that tells what it does otherwise."""
    source = item.flag("from") if item.keyword == "COPY" else None
    if source:
        return f"COPY --from={source}"
    return f"{item.keyword} --parents" if item.switch("parents") else item.keyword


def runs(item: Instruction) -> str:
    """Why an instruction needs BuildKit; "" when its text alone does not say so."""
    if item.raw:
        return "versions of BuildKit read it differently"
    if item.keyword in SETTINGS:
        return ""
    if item.keyword not in ("COPY", "ADD"):
        return "it runs a command"
    return _flags(item) or _words(item)


def _flags(item: Instruction) -> str:
    for name in ("parents", "keep-git-dir"):
        if item.switch(name):
            return f"it has --{name}"
    for name in ("checksum", "unpack"):
        if item.flag(name) is not None:
            return f"it has --{name}"
    if item.switch("link") and item.flag("chown") and not item.flag("chmod"):
        return LINKED_OWNER
    return ""


def _words(item: Instruction) -> str:
    *sources, target = item.words
    if target.endswith(("/.", "/..")) or target == "..":
        return f"versions of BuildKit differ in what {target!r} means as a destination"
    for source in sources:
        if git.is_web(source) or git.is_git(source):
            return f"it fetches {source}"
        if git.like_git(source):
            return f"versions of BuildKit take {source} for a path or for a repository"
        if "\\" in source and has_wildcard(source):
            return f"it has a pattern with a backslash: {source}"
    return ""
