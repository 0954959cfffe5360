"""Random worlds, keyed by us and built by BuildKit: a short run with a fixed seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.lab import Lab
from tests.fuzz.judge import DISAGREEMENTS, ENGINE, FALSE_FRESH, FALSE_STALE
from tests.fuzz.play import STAT_CACHE, UNPINNED
from tests.fuzz.session import Plan, Session

pytestmark = pytest.mark.e2e

SEED = 20260101
CASES = 160


def test_keys_change_when_buildkit_runs_something_and_only_then(lab: Lab, tmp_path: Path) -> None:
    """No false-fresh, no difference in what is refused, hardly a false-stale."""
    print(f"\nseed {SEED}: ./run fuzz --cases {CASES} --seed {SEED}")
    session = Session(Plan(CASES, SEED, folder=str(tmp_path), shrinks=0), lab.endpoint)
    tally = session.run()
    print(tally.line())
    report = f"{tally.line()}\n{tally.table()}kept in {tmp_path}"
    assert tally.verdicts["moved"] >= CASES / 20, report
    for each in (*DISAGREEMENTS, STAT_CACHE, UNPINNED):
        if each != FALSE_STALE:
            assert tally.verdicts[each] == 0, report
    assert tally.verdicts[ENGINE] <= 0.05 * CASES, report
    assert tally.verdicts[FALSE_STALE] <= max(3, 0.02 * CASES), report


def test_a_rule_that_ignores_modes_is_caught(lab: Lab, tmp_path: Path) -> None:
    """The harness finds a false-fresh within 200 cases when the keys are wrong."""
    plan = Plan(
        200,
        SEED,
        rule="modeless",
        kinds=("file_mode", "folder_mode"),
        folder=str(tmp_path),
        stop=lambda tally: tally.verdicts[FALSE_FRESH] > 0,
    )
    tally = Session(plan, lab.endpoint).run()
    assert tally.verdicts[FALSE_FRESH] > 0, tally.line()
