"""Shrinking: drop whatever two worlds share and a disagreement does not need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import SequenceMatcher

from tests.fuzz.world import World

Pair = tuple[World, World]


def shrink(pair: Pair, holds: Callable[[World, World], bool], seconds: float = 90) -> Pair:
    """The smallest pair found within ``seconds`` for which ``holds`` still is true."""
    until = time.monotonic() + seconds
    again = True
    while again and time.monotonic() < until:
        again = False
        for smaller in _smaller(pair):
            if time.monotonic() >= until:
                break
            if smaller != pair and all(each.whole for each in smaller) and holds(*smaller):
                pair, again = smaller, True
                break
    return pair


def _smaller(pair: Pair) -> Iterator[Pair]:
    before, after = pair
    shared = [path for path, item in before.context.items() if after.context.get(path) == item]
    if len(shared) > 3:
        for half in (shared[: len(shared) // 2], shared[len(shared) // 2 :]):
            yield _without(before, half), _without(after, half)
    blocks = SequenceMatcher(None, before.chunks, after.chunks, autojunk=False)
    common = [
        (block.a + at, block.b + at)
        for block in blocks.get_matching_blocks()
        for at in range(block.size)
    ]
    if len(common) > 5:
        third = max(2, len(common) // 3)
        for start in range(0, len(common), third):
            yield _cut(pair, common[start : start + third])
    for each in reversed(common):
        yield _cut(pair, [each])
    for path in shared:
        yield _without(before, [path]), _without(after, [path])
    for name in {**before.args, **after.args}:
        if before.args.get(name) == after.args.get(name):
            yield _no_arg(before, name), _no_arg(after, name)
    if before.target == after.target:
        yield replace(before, target=""), replace(after, target="")
    if before.bom and after.bom:
        yield replace(before, bom=False), replace(after, bom=False)
    if before.crlf and after.crlf:
        yield replace(before, crlf=False), replace(after, crlf=False)


def _without(world: World, paths: list[str]) -> World:
    for path in paths:
        world = world.with_item(path, None)
    return world


def _cut(pair: Pair, places: list[tuple[int, int]]) -> Pair:
    before, after = pair
    gone = [{a for a, _ in places}, {b for _, b in places}]
    return (
        replace(before, chunks=tuple(c for i, c in enumerate(before.chunks) if i not in gone[0])),
        replace(after, chunks=tuple(c for i, c in enumerate(after.chunks) if i not in gone[1])),
    )


def _no_arg(world: World, name: str) -> World:
    return replace(world, args={k: v for k, v in world.args.items() if k != name})
