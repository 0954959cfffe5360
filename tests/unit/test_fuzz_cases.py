"""The fuzzer's named cases, replayed against the truth that an engine told; wrong rules caught."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hashes.context.statcache import StatCache
from tests.fuzz.cases import Named, read
from tests.fuzz.judge import FALSE_FRESH, FALSE_STALE, verdict
from tests.fuzz.keys import RULES, Answer, Rule, answer, right
from tests.fuzz.world import RECORDED, put

CASES = read()


def ours(case: Named, folder: Path, rule: Rule = right) -> tuple[Answer, Answer]:
    """What we say before and after, in one folder, as somebody who edits it sees it."""
    root = os.path.join(folder, "world")
    found = []
    for world in (case.before, case.after):
        place = put(world, root, RECORDED)
        cache = StatCache.load(os.path.join(folder, "stat"), place.context)
        with_cache = answer(world, place, cache, rule=rule)
        cache.save()
        found.append(answer(world, place, rule=rule))
        assert found[-1] == with_cache, "the stat cache changed an answer"
    return found[0], found[1]


def test_there_are_cases_of_both_kinds() -> None:
    """A replay of nothing would prove nothing."""
    truths = [case.truth for case in CASES]
    assert truths.count("moved") >= 30
    assert truths.count("same") >= 30


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_named_case_gets_the_verdict_that_buildkit_gave(case: Named, tmp_path: Path) -> None:
    """Never false-fresh; where we knowingly say otherwise, the note tells why."""
    before, after = ours(case, tmp_path)
    if case.truth == "refused":
        assert bool(before.refused or after.refused) != bool(case.note)
        return
    assert not before.refused, before.refused
    assert not after.refused, after.refused
    found = verdict(moved=case.truth == "moved", changed=before.key != after.key)
    assert found == (FALSE_STALE if case.note else case.truth)


@pytest.mark.parametrize("rule", sorted(set(RULES) - {"right"}))
def test_a_wrong_rule_is_caught(rule: str, tmp_path: Path) -> None:
    """Keys that ignore modes, or bytes, call something fresh that BuildKit built anew."""
    caught = 0
    for number, case in enumerate(CASES):
        if case.truth == "moved":
            before, after = ours(case, tmp_path / str(number), RULES[rule])
            caught += verdict(moved=True, changed=before != after) == FALSE_FRESH
    assert caught
