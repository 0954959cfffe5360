"""Images assembled without an engine against those that BuildKit builds: a short run."""

from __future__ import annotations

import itertools

import pytest

from tests.e2e.lab import Lab
from tests.fuzz.assemble.case import Case
from tests.fuzz.assemble.command import run, table_of, text
from tests.fuzz.assemble.draw import draw
from tests.fuzz.assemble.elsewhere import with_origins
from tests.fuzz.assemble.inside import with_trunk
from tests.fuzz.assemble.play import DIFFERS, SAME
from tests.fuzz.assemble.twin import TWINS, broken

pytestmark = pytest.mark.e2e

SEED = 20260201
CASES = 30
TRUNKS = 12
"""Cases with steps that run, whose trunk is cut from the image that BuildKit builds."""

ELSEWHERE = 60
"""The first of those that take from other stages and images."""


def elsewhere(number: int) -> Case:
    """A case that takes from other stages and images."""
    return with_origins(draw(SEED, number), draw(SEED, number + 1_000_000), SEED)


def test_assembled_images_are_those_that_buildkit_builds(lab: Lab) -> None:
    """Every file with mode, owner, content and links; every setting."""
    if lab.classic:
        pytest.skip("images are read from the containerd image store")
    cases = [draw(SEED, each) for each in range(CASES)]
    cases += [with_trunk(draw(SEED, each), SEED) for each in range(CASES, CASES + TRUNKS)]
    cases += [elsewhere(each) for each in range(ELSEWHERE, ELSEWHERE + 10)]
    verdicts = run(table_of(lab.endpoint), cases, 2)
    print(f"\n./run fuzz --assemble --cases {CASES} --seed {SEED}\n{text(verdicts)}")
    assert [each.case.name for each in verdicts if each.fault] == []
    ends = (0, CASES, CASES + TRUNKS, len(cases))
    for some in (verdicts[begin:end] for begin, end in itertools.pairwise(ends)):
        assert sum(each.kind == SAME for each in some) >= len(some) / 4


SHOWN_BY = {
    "owner": 4,
    "lost": 11,
    "mode": 12,
    "settings": 8,
    "links": 9,
    "link": 17,
    "whiteouts": 20,
    "elsewhere": 62,
}
"""Which case each fault spoils."""
NOT_HERE = {"exclude"}
"""Docker 26 does not know it."""


def test_a_broken_twin_is_found(lab: Lab) -> None:
    """An assembler with a fault is caught."""
    if lab.classic:
        pytest.skip("images are read from the containerd image store")
    assert SHOWN_BY.keys() == TWINS.keys() - NOT_HERE
    table, kinds = table_of(lab.endpoint), {}
    for twin, number in SHOWN_BY.items():
        with broken(twin):
            case = elsewhere(number) if number >= ELSEWHERE else draw(SEED, number)
            (verdict,) = run(table, [case], 1)
        kinds[twin] = verdict.kind
    assert kinds == dict.fromkeys(SHOWN_BY, DIFFERS)
