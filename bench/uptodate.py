"""Up to date: what it costs to find out that nothing has to be done, on the six-image stack."""

from __future__ import annotations

from bench import stack
from bench.harness import Case, Sample, median, ratio, side_by_side, walls
from bench.table import Row

TREE = "snowboard, 6 images"
TARGET = "≤ 0.33"


def run(rounds: int) -> list[Row]:
    """``doit list`` and ``doit`` beside ``docker buildx bake``, everything there already."""
    prepared = stack.prepare()
    stack.bake_once(prepared)
    bake = stack.bake(prepared)
    plain = Case("bake without attestations", bake.argv, bake.cwd, {**bake.environment, **PLAIN})
    ours = [prepared.doit("doit list", "list", expect="fresh"), prepared.doit("doit")]
    found = side_by_side([*ours, bake, plain], rounds)
    return [
        compare(our.name, found[our.name], their.name, found[their.name], TREE)
        for our in ours
        for their in (bake, plain)
    ]


PLAIN = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Bake's quickest: it stores no provenance beside each image."""


def compare(ours: str, mine: list[Sample], theirs: str, others: list[Sample], tree: str) -> Row:
    """A row whose target is a third of the other's time."""
    found = ratio(walls(mine), walls(others))
    note = f"{median(walls(mine)):.2f} s against {median(walls(others)):.2f} s"
    return Row(ours, theirs, tree, str(found), TARGET, found.median <= 1 / 3, note)
