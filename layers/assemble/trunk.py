"""Trunk and tail: which steps of an image need BuildKit, and which only come after these.

The trunk is the longest beginning of an image's steps that ends with one which has to run; it may
be no more than the base.  The tail is what comes after it, and can be assembled on top of it.
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
LINKED_OWNER = "engines differ in whose the folders on the way are with --link and --chown"


class Part(NamedTuple):
    """What of one stage is in the tail."""

    stage: Reached
    first: int
    """How many of its instructions are in the trunk."""


class Division(NamedTuple):
    """An image's steps, divided where the last of them that has to run ends."""

    base: Source
    """Of which image the whole line of stages is made; ``scratch`` for an empty one."""
    line: tuple[Reached, ...]
    """The stages that are made from one another, the target last."""
    tail: tuple[Part, ...]
    """In their order; the trunk's own stage is the first of them."""
    last: Obstacle | None
    """The last step that has to run; None where the trunk is the base itself."""


def divide(stages: Sequence[Reached]) -> Division:
    """Divide the target, the last of ``stages``, into trunk and tail.

    A pure function of the Dockerfile: what is at a destination, or in a file that is added, may
    stand in the way later.
    """
    by_index = {stage.index: stage for stage in stages}
    line = [stages[-1]]
    while (below := line[0].base.stage) is not None:
        line.insert(0, by_index[below])
    tail: list[Part] = []
    last: Obstacle | None = None
    for stage in reversed(line):
        for position in range(len(stage.instructions) - 1, -1, -1):
            item = stage.instructions[position]
            reason = runs(item, stage.sources.get((position, 0)))
            if reason:
                last = Obstacle(item.line, item.keyword, reason)
                tail.insert(0, Part(stage, position + 1))
                return Division(line[0].base, tuple(line), tuple(tail), last)
        tail.insert(0, Part(stage, 0))
    return Division(line[0].base, tuple(line), tuple(tail), None)


def runs(item: Instruction, source: Source | None) -> str:
    """Why an instruction needs BuildKit; "" when its text alone does not say so.

    ``source`` is where its ``--from`` leads.
    """
    if item.raw:
        return "versions of BuildKit read it differently"
    if item.keyword in SETTINGS:
        return ""
    if item.keyword not in ("COPY", "ADD"):
        return "it runs a command"
    if source is not None:
        return f"it copies from {source.text}, whose files are not known"
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
