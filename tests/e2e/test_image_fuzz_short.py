"""Random projects, built by ``doit`` and by plain ``docker buildx build``: a short run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.setup.private.paths import Places
from tests.e2e.conftest import removed
from tests.e2e.lab import Lab, lab_folder
from tests.fuzz.__main__ import engine
from tests.fuzz.images import engines
from tests.fuzz.images.play import COLD, DIFFERS, PHASES, SAME
from tests.fuzz.images.session import Plan, Session, Tally

pytestmark = pytest.mark.e2e

SEED = 20260101
CASES = 60
PLAIN = lab_folder("plain")


@pytest.fixture(scope="module")
def pair(lab: Lab) -> Iterator[engines.Lab]:
    """The tests' engine for ``doit``, and one for plain builds alone."""
    yield engines.Lab.of(lab.endpoint, engine(PLAIN))
    removed(Places.of(str(PLAIN)))


def played(plan: Plan, pair: engines.Lab) -> Tally:
    """Run a plan, and remember the upstreams for the next one."""
    print(f"\nseed {plan.seed}: ./run fuzz --images --cases {plan.cases} --seed {plan.seed}")
    tally = Session(plan, pair).run()
    print(tally.text())
    return tally


def test_images_are_those_of_plain_builds(pair: engines.Lab, tmp_path: Path) -> None:
    """Cold, after an edit, from the registry, published: every file and every setting."""
    tally = played(Plan(CASES, SEED, jobs=3, batch=CASES, folder=str(tmp_path)), pair)
    assert len(tally.verdicts) == CASES
    assert [(each.case.name, each.signature) for each in tally.faults] == [], f"kept in {tmp_path}"
    compared = sum(each.kind == SAME and each.phase == PHASES[-1] for each in tally.verdicts)
    assert compared >= CASES / 2


@pytest.mark.parametrize("twin", ["setting", "parent", "mode"])
def test_a_broken_twin_is_found(pair: engines.Lab, twin: str) -> None:
    """A maker of images that loses a setting, the whole last stage or a mode is caught, cold."""
    only = ("run-settings", "copies", "kept-stages")
    tally = played(Plan(3, SEED, only=only, batch=3, twin=twin), pair)
    found = [each for each in tally.faults if each.kind == DIFFERS and each.phase == COLD]
    assert len(found) >= 2, tally.text()
