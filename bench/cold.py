"""Cold: a runner with nothing publishes an edit of one line, on bases of two sizes."""

from __future__ import annotations

from bench import stack
from bench.copies import Copies, copies
from bench.harness import Case, Sample, median, once, ratio, walls
from bench.table import Row

SIZES = (500_000_000, 6_000_000_000)
"""Bytes of libraries in the base."""
MOST_SECONDS = 1.5
MOST_BYTES = 1_000_000
MOST_MEMORY = 300 << 20
ROUNDS = 3
"""At most: every round of the other side pulls the base."""


def run(rounds: int) -> list[Row]:
    """``doit publish`` beside ``docker buildx build --push``, in turns, nothing kept between."""
    rows = []
    for size in SIZES:
        with copies(stack.WORK / "cold", size) as project:
            rows += _measure(project, min(rounds, ROUNDS))
    return rows


def _measure(project: Copies, rounds: int) -> list[Row]:
    (base,) = project.publish("base")
    times: dict[str, list[Sample]] = {}
    came: dict[str, list[int]] = {}
    ours, *others = _cases(project, base)
    for number in range(rounds + 1):  # the first is for our listing of the base, made once
        for case in (ours, *others):
            sample = once(case)
            if number:
                times.setdefault(case.name, []).append(sample)
                came.setdefault(case.name, []).append(project.bytes_sent())
    tree, mine = f"base of {project.size / 1e9:.1f} GB", times[ours.name]
    rows = [
        _beside(ours, other, tree, (mine, times[other.name]), (came[ours.name], came[other.name]))
        for other in others
    ]
    most = max(sample.memory for sample in mine)
    return [
        *(row for pair in rows for row in pair),
        Row(
            "peak memory of doit publish",
            "",
            tree,
            f"{most / 2**20:.0f} MiB",
            f"≤ {MOST_MEMORY >> 20} MiB",
            most <= MOST_MEMORY,
        ),
    ]


def _beside(
    ours: Case,
    other: Case,
    tree: str,
    times: tuple[list[Sample], list[Sample]],
    came: tuple[list[int], list[int]],
) -> tuple[Row, Row]:
    mine, theirs = map(walls, times)
    most, least = max(came[0]), min(came[1])
    return (
        Row(
            ours.name,
            other.name,
            tree,
            str(ratio(mine, theirs)),
            f"≤ {MOST_SECONDS} s",
            median(mine) <= MOST_SECONDS,
            f"{median(mine):.2f} s against {median(theirs):.1f} s",
        ),
        Row(
            "bytes that the registry sent",
            other.name,
            tree,
            f"{median(came[0]) / median(came[1]):.6f}",
            f"≤ {MOST_BYTES / 1e6:.0f} MB",
            most <= MOST_BYTES,
            f"at most {most:,} against {least:,} bytes, by its access log",
        ),
    )


def _cases(project: Copies, base: str) -> tuple[Case, Case, Case]:
    """Ours, and the other side without and with a cache in the registry."""
    registry, cli = project.endpoint.registry, project.endpoint.cli
    plain = (
        f"{cli} buildx build --push --provenance=false --tag={registry}/bench-copies/plain:1"
        f" --build-context=base=docker-image://{base}"
    )
    cache = f"type=registry,ref={registry}/bench-copies/cache:1"

    def empty() -> None:
        project.forget()
        project.edit()

    return (
        project.case("doit publish app0", [project.doit, "publish", "app0"], empty, "assembled"),
        project.shell("docker buildx build --push", [f"{plain} app0"], empty),
        project.shell(
            "the same with --cache-from",
            [f"{plain} --cache-from={cache} --cache-to={cache},mode=max app0"],
            empty,
        ),
    )
