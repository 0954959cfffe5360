"""The fuzzer's judge: what counts as a disagreement."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from layers.setup.endpoint import Endpoint
from tests.fuzz.draw import draw_world
from tests.fuzz.judge import ENGINE, Tally, judge
from tests.fuzz.keys import Answer
from tests.fuzz.oracle import TRIES, Oracle, Truth

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


LOST = (
    'ERROR: failed to solve: failed to prepare extraction snapshot "extract-1-a sha256:1": '
    "parent snapshot sha256:2 does not exist: not found"
)
STEP = '{"vertexes": [{"digest": "%s", "name": "[2/2] RUN x", "completed": "1", "cached": %s}]}'


def test_the_engine_s_own_fault_is_no_verdict() -> None:
    """Neither of ours nor of BuildKit's, whichever of the two builds it ended."""
    for pair in ((Truth(), Truth(engine=LOST)), (Truth(engine=LOST), Truth(refused="no"))):
        assert judge((A, pair[0]), (B, pair[1])) == ENGINE


def an_oracle(folder: Path, *tries: tuple[int, str]) -> Oracle:
    """An oracle whose buildx ends its builds so, one after another; the last one for good."""
    plugin = folder / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir()
    for number, (status, text) in enumerate(tries):
        (folder / f"{number}").write_text(text)
        (folder / f"{number}.status").write_text(str(status))
    plugin.write_text(
        f"#!/bin/sh\ncd {folder}; n=$(ls -d at.* 2>/dev/null | wc -l); mkdir at.$n\n"
        f"[ -e $n ] || n={len(tries) - 1}; cat $n >&2; exit $(cat $n.status)\n"
    )
    plugin.chmod(0o755)
    environment = {"DOCKER_CONFIG": str(folder)}
    return Oracle(Endpoint("unix:///none", environment, False, None, "/bin/true"))


WORLD = draw_world(Random("1"))


def test_a_build_that_the_engine_lost_is_tried_again(tmp_path: Path) -> None:
    """What ran before the loss has run, though the second build took it from the cache."""
    ran, cached = STEP % ("a", "false"), STEP % ("a", "true")
    oracle = an_oracle(tmp_path, (1, f"{ran}\n{LOST}\n"), (0, cached))
    truth = oracle.build(WORLD, "n", content=False)
    oracle.close()
    assert truth == Truth(("[2/2] RUN x",))
    assert (oracle.builds, oracle.faults) == (2, 1)


def test_an_engine_that_stays_broken_tells_nothing(tmp_path: Path) -> None:
    """After some tries; that it broke is counted and told."""
    oracle = an_oracle(tmp_path, (1, LOST))
    truth = oracle.build(WORLD, "n", content=False)
    oracle.close()
    assert truth.engine == LOST
    assert not truth.refused
    assert oracle.builds == oracle.faults == TRIES
    tally = Tally(faults=oracle.faults)
    assert tally.line().endswith(f"; {TRIES} builds again for the engine's own faults")


@pytest.mark.parametrize(
    "refusal",
    [
        'ERROR: failed to solve: process "/bin/sh -c false" did not complete successfully',
        "ERROR: failed to solve: dockerfile parse error on line 1: unknown instruction: FORM",
    ],
)
def test_a_refusal_is_not_tried_again(tmp_path: Path, refusal: str) -> None:
    """It is a verdict."""
    oracle = an_oracle(tmp_path, (1, refusal), (0, ""))
    truth = oracle.build(WORLD, "n", content=False)
    oracle.close()
    assert truth.refused == refusal
    assert (oracle.builds, oracle.faults) == (1, 0)


def test_the_share_of_false_stale_is_of_the_cases_that_both_built() -> None:
    """Refused cases have no key to be wrong about."""
    tally = Tally()
    for verdict in ("same", "moved", "moved", "false-stale", "refused", "refused"):
        tally.add("content", verdict)
    assert tally.line().startswith("6 cases:")
    assert tally.line().endswith("false-stale 25.00 %")
    assert "false-stale 1" in tally.table()
