"""Rebase: a base was refreshed, nothing else changed; the applications that only copy onto it."""

from __future__ import annotations

from bench import stack
from bench.copies import Copies, copies
from bench.harness import Case, Sample, median, once, ratio, walls
from bench.table import Row

SIZES = (500_000_000, 6_000_000_000)
"""Bytes of libraries in the base."""
APPLICATIONS = 5
MOST_SECONDS = 1.0
"""For each application."""
ROUNDS = 3
"""At most: every round brings a base to the registry."""


def run(rounds: int) -> list[Row]:
    """``doit publish`` of five applications beside ``docker buildx build --push`` of each.

    Both work on the engine that has built the base, with all that they remember.
    """
    rows = []
    for size in SIZES:
        with copies(stack.WORK / "rebase", size, APPLICATIONS) as project:
            rows += _measure(project, min(rounds, ROUNDS))
    return rows


def _measure(project: Copies, rounds: int) -> list[Row]:
    times: dict[str, list[Sample]] = {}
    brought, layers = list[int](), list[int]()
    for number in range(rounds + 1):  # in the first the applications are new
        project.refresh()
        ours, other = _cases(project, *project.publish("base"))
        for case in (ours, other):
            sample = once(case)
            if number:
                times.setdefault(case.name, []).append(sample)
            if number and case is ours:
                came = project.brought()
                filesystem = project.layers(project.publish(*project.names))
                layers += [size for digest, size in came.items() if digest in filesystem]
                brought += came.values()
    mine, others = (
        [each / APPLICATIONS for each in walls(times[case.name])] for case in (ours, other)
    )
    tree = f"{APPLICATIONS} on a base of {project.size / 1e9:.1f} GB"
    images = APPLICATIONS * rounds
    return [
        Row(
            f"{ours.name}, each",
            other.name,
            tree,
            str(ratio(mine, others)),
            f"≤ {MOST_SECONDS:.0f} s",
            median(mine) <= MOST_SECONDS,
            f"{median(mine):.2f} s against {median(others):.2f} s",
        ),
        Row(
            "layer bytes brought to the registry",
            "",
            tree,
            f"{sum(layers):,}",
            "0",
            not layers,
            f"{sum(brought) / images:,.0f} bytes an image: configuration, what it is made from",
        ),
    ]


def _cases(project: Copies, base: str) -> tuple[Case, Case]:
    registry, cli = project.endpoint.registry, project.endpoint.cli
    plain = (
        f"{cli} buildx build --push --provenance=false --build-context=base=docker-image://{base}"
        f" --tag={registry}/bench-copies/plain-"
    )
    lines = [f"{plain}{name}:1 {name}" for name in project.names]

    def nothing() -> None:
        pass

    words = [project.doit, "publish", *project.names]
    return (
        project.case("doit publish", words, nothing, "assembled"),
        project.shell("docker buildx build --push", lines, nothing),
    )
