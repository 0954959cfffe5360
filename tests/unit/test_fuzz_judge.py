"""The fuzzer's judge: what counts as a disagreement."""

from __future__ import annotations

import pytest

from tests.fuzz.judge import Tally, judge
from tests.fuzz.keys import Answer
from tests.fuzz.oracle import Truth

SAME, OTHER = {"layers": ["1"]}, {"layers": ["2"]}
A, B, NO = Answer("a"), Answer("b"), Answer(refused="line 3")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param((A, Truth(content=SAME)), (A, Truth(content=SAME)), "same", id="same"),
        pytest.param((A, Truth(content=SAME)), (B, Truth(("RUN",))), "moved", id="ran"),
        pytest.param((A, Truth(content=SAME)), (B, Truth(content=OTHER)), "moved", id="content"),
        pytest.param((A, Truth(content=SAME)), (A, Truth(("RUN",))), "false-fresh", id="missed"),
        pytest.param(
            (A, Truth(content=SAME)), (A, Truth(content=OTHER)), "false-fresh", id="missed-content"
        ),
        pytest.param((A, Truth(content=SAME)), (B, Truth(content=SAME)), "false-stale", id="noise"),
        pytest.param((A, Truth()), (NO, Truth()), "we-refuse", id="we-refuse"),
        pytest.param((A, Truth()), (B, Truth(refused="not found")), "we-accept", id="we-accept"),
        pytest.param((A, Truth()), (NO, Truth(refused="not found")), "refused", id="both-refuse"),
        pytest.param(
            (A, Truth()),
            (A, Truth(refused="process did not complete successfully")),
            "unforeseeable",
            id="a-step-fails",
        ),
        pytest.param(
            (A, Truth()),
            (A, Truth(refused="not found", failed="[2/2] COPY --from=a /gone /x")),
            "unforeseeable",
            id="nothing-to-copy-in-a-stage",
        ),
    ],
)
def test_a_verdict_compares_our_word_with_buildkits(
    before: tuple[Answer, Truth], after: tuple[Answer, Truth], expected: str
) -> None:
    """A step that ran or an image that differs, against a key that changed."""
    assert judge(before, after) == expected


def test_the_share_of_false_stale_is_of_the_cases_that_both_built() -> None:
    """Refused cases have no key to be wrong about."""
    tally = Tally()
    for verdict in ("same", "moved", "moved", "false-stale", "refused", "refused"):
        tally.add("content", verdict)
    assert tally.line().startswith("6 cases:")
    assert tally.line().endswith("false-stale 25.00 %")
    assert "false-stale 1" in tally.table()
