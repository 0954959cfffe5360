"""Play: one world and a handful of mutations of it, each judged on its own."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from hashes.context.statcache import StatCache
from tests.fuzz.draw import draw_world
from tests.fuzz.judge import DISAGREEMENTS, ENGINE, FALSE_FRESH, FALSE_STALE, judge
from tests.fuzz.keys import Answer, Rule, answer, right
from tests.fuzz.mutate import mutate
from tests.fuzz.oracle import Oracle, Truth
from tests.fuzz.world import World, put

STAT_CACHE = "stat-cache"
"""The verdict when a key depends on whether the stat cache is there."""
UNPINNED = "unpinned"
"""The verdict when a key misses a change once the base image's environment is not known."""
UNSTEADY = "unsteady"
"""The verdict when BuildKit runs a step of an unchanged world again, as it does now and then."""


@dataclass(frozen=True)
class Case:
    """One mutation of one world, and what came of it."""

    name: str
    kind: str
    before: World
    after: World
    verdict: str
    truth: str
    """``moved``, ``same``, or why BuildKit refused one of the two."""
    ours: str


class Player:
    """Plays worlds on one engine; one per thread."""

    def __init__(self, oracle: Oracle, rule: Rule = right, kinds: Collection[str] = ()) -> None:
        """``kinds`` of mutations; none: all of them."""
        self.oracle = oracle
        self.kinds = kinds
        self.rule = rule
        self.root = tempfile.mkdtemp(prefix="fuzz-keys-")

    def close(self) -> None:
        """Take everything back."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.oracle.close()

    def play(self, seed: int, index: int, mutations: int, done: Callable[[Case], None]) -> None:
        """Draw the world of that number and judge that many mutations of it."""
        rng = Random(f"{seed}:{index}")
        world = draw_world(rng)
        drawn = [mutate(world, rng, self.kinds) for _ in range(mutations)]
        mutants = [each for each in drawn if each is not None]
        nonce = fresh_nonce()
        keys = self._keys(world, nonce)
        truth = self.oracle.build(world, nonce, content=True)
        if truth.refused or truth.engine or keys[0].refused:
            mutants = mutants[:2]
        found = [(kind, mutant, self._keys(mutant, nonce)) for kind, mutant in mutants]
        # Those that should change nothing go first: then nothing but the world before ran yet.
        found.sort(key=lambda each: each[2][0].key != keys[0].key)
        for number, (kind, mutant, mine) in enumerate(found):
            verdict, after = self._one(world, (keys[0], truth), mutant, mine[0], nonce)
            if verdict in (FALSE_FRESH, FALSE_STALE):
                verdict = self.confirm(world, mutant)
            if mine[0] != mine[1]:
                verdict = STAT_CACHE
            elif verdict == "moved" and not mine[2].refused and mine[2].key == keys[2].key:
                verdict = UNPINNED
            refused = truth.engine or truth.refused or after.engine or after.refused
            moved = verdict in ("moved", FALSE_FRESH, UNPINNED)
            ours = (keys[0].refused or mine[0].refused) or (
                "changed" if keys[0].key != mine[0].key else "fresh"
            )
            told = refused or ("moved" if moved else "same")
            name = f"s{seed}-{index}-{number}"
            done(Case(name, kind, world, mutant, verdict, told, ours))

    def _one(
        self, world: World, first: tuple[Answer, Truth], mutant: World, mine: Answer, nonce: str
    ) -> tuple[str, Truth]:
        changed = mine.key != first[0].key
        after = self.oracle.build(mutant, nonce, content=not changed)
        nothing = after.refused or after.engine or first[1].refused or first[1].engine
        if changed and not after.ran and not nothing:
            after = self.oracle.build(mutant, nonce, content=True)
        return judge(first, (mine, after)), after

    def confirm(self, before: World, after: World) -> str:
        """Judge two worlds alone, under a nonce of their own."""
        nonce = fresh_nonce()
        first = (self._keys(before, nonce)[0], self.oracle.build(before, nonce, content=True))
        again = self.oracle.build(before, nonce, content=False)
        if first[1].engine or again.engine:
            return ENGINE
        if again.ran:
            return UNSTEADY
        second = (self._keys(after, nonce)[0], self.oracle.build(after, nonce, content=True))
        return judge(first, second)

    def could_be(self, verdict: str, before: World, after: World) -> bool:
        """Whether our half of a disagreement is still there; asks no engine."""
        nonce = fresh_nonce()
        one, two = self._keys(before, nonce)[0], self._keys(after, nonce)[0]
        refused = bool(one.refused or two.refused)
        if verdict == "we-refuse":
            return refused
        return (
            not refused
            and (verdict != FALSE_FRESH or one == two)
            and (verdict != FALSE_STALE or one != two)
        )

    def _keys(self, world: World, nonce: str) -> tuple[Answer, Answer, Answer]:
        """Without and with the stat cache, in place; and when the base image is not pinned."""
        place = put(world, os.path.join(self.root, "world"), nonce)
        cache = StatCache.load(os.path.join(self.root, "stat"), place.context)
        cached = answer(world, place, cache, rule=self.rule)
        cache.save()
        return (
            answer(world, place, rule=self.rule),
            cached,
            answer(world, place, rule=self.rule, pinned=False),
        )


def fresh_nonce() -> str:
    """What nobody ever used; 11 characters."""
    return f"n{uuid.uuid4().hex[:10]}"


def is_disagreement(case: Case) -> bool:
    """Whether a case is one to look at."""
    return case.verdict in (*DISAGREEMENTS, STAT_CACHE, UNPINNED)
