"""Stages: by which name others speak of one, and which cannot become an image."""

from __future__ import annotations

from collections.abc import Sequence

from hashes.dockerfile.arguments import pairs
from hashes.dockerfile.parser import Stage
from hashes.dockerfile.reachable import Reached

_TARGET = "TARGETSTAGE"


def called(stages: Sequence[Stage]) -> tuple[str, ...]:
    """By which name others can speak of each stage: of two with one name it is the last's.

    Empty for a stage without a name. BuildKit compares names without case: here they are lower.
    """
    names = [stage.name.lower() for stage in stages]
    last = {name: index for index, name in enumerate(names)}
    return tuple(name if last[name] == index else "" for index, name in enumerate(names))


def lends_args(stage: Reached, reached: Sequence[Reached], stages: Sequence[Stage]) -> bool:
    """True when a stage hands ARGs down to another that is built ``FROM`` it.

    An image in its place would not: build arguments are no part of an image.
    """
    chain: Reached | None = stage
    by_index = {each.index: each for each in reached}
    declares = False
    while chain is not None and not declares:
        declares = any(item.keyword == "ARG" for item in stages[chain.index].instructions)
        chain = None if chain.base.stage is None else by_index[chain.base.stage]
    return declares and any(each.base.stage == stage.index for each in reached)


def knows_target(stage: Reached, reached: Sequence[Reached], stages: Sequence[Stage]) -> bool:
    """True when a stage, or one that it may be made from, declares ``ARG TARGETSTAGE``.

    As an image it would be its own target, and in another's build it is told that one's name.
    """
    return any(
        item.keyword == "ARG" and _TARGET in dict(pairs(item))
        for each in reached
        if each.index <= stage.index
        for item in stages[each.index].instructions
    )
