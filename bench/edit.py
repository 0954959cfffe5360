"""Edit: one line changed, and the image in the engine again: built, and assembled."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

from bench import stack
from bench.copies import copies
from bench.harness import Case, Sample, median, ratio, side_by_side, walls
from bench.table import Row

LINE = "# edited by bench: "
MOST = 0.3
"""Seconds that we may take longer."""
SIZE = 500_000_000
"""Bytes of libraries in the base of what is assembled."""
MOST_ASSEMBLED = 0.5


def run(rounds: int) -> list[Row]:
    """Ours beside ``docker buildx build`` of the same edit."""
    return [*_built(rounds), *_assembled(rounds)]


def _assembled(rounds: int) -> list[Row]:
    """Applications that copy one file: one goes to the engine only, one to the registry as well."""
    with copies(stack.WORK / "edit", SIZE, applications=2) as project:
        (base,) = project.publish("base")
        project.keeps_here("app1")
        endpoint = project.endpoint
        build = f"{endpoint.cli} buildx build --build-context=base=docker-image://{base} app0"
        to = f"{endpoint.registry}/bench-copies/plain:1"
        here, pushed = (
            project.case(name, [project.doit, image], project.edit, "assembled in")
            for name, image in (("doit app1, assembled", "app1"), ("doit app0, and pushed", "app0"))
        )
        built = project.shell("docker buildx build", [f"{build} --tag=plain"], project.edit)
        sent = project.shell(
            "docker buildx build --push", [f"{build} --push --tag={to}"], project.edit
        )
        found = side_by_side([here, built, pushed, sent], rounds)
    return [_row(here, found, built, MOST_ASSEMBLED), _row(pushed, found, sent, None)]


def _row(ours: Case, found: dict[str, list[Sample]], other: Case, most: float | None) -> Row:
    mine, theirs = walls(found[ours.name]), walls(found[other.name])
    compared = ratio(mine, theirs)
    return Row(
        ours.name,
        other.name,
        f"base of {SIZE / 1e9:.1f} GB in the engine, one line",
        str(compared),
        f"≤ {most}" if most else "",
        compared.median <= most if most else None,
        f"{median(mine):.2f} s against {median(theirs):.2f} s",
    )


def _built(rounds: int) -> list[Row]:
    """``doit pose-service`` beside ``docker buildx build`` of the same, a new line before each.

    Ours is put together upon its trunk, and goes to the engine and to the private registry.
    """
    prepared = stack.prepare()
    stack.bake_once(prepared)
    source = prepared.root / "images" / "snowboard" / "pose-service" / "app.py"
    before = source.read_text()
    numbers = itertools.count(_last(source) + 1)

    def edit() -> None:
        source.write_text(f"{before}{LINE}{next(numbers)}\n")

    case = prepared.doit("doit pose-service", "pose-service", expect="assembled in")
    ours = dataclasses.replace(case, before=edit)
    theirs = dataclasses.replace(_build(prepared), before=edit)
    try:
        found = side_by_side([ours, theirs], rounds)
    finally:
        _remember(source, next(numbers))
        source.write_text(before)
    mine, others = walls(found[ours.name]), walls(found[theirs.name])
    more = [one - other for one, other in zip(mine, others, strict=True)]
    difference = median(mine) - median(others)
    return [
        Row(
            ours.name,
            theirs.name,
            "snowboard, one line of app.py",
            f"{median(mine) / median(others):.2f}; {difference:+.2f} s "
            f"({min(more):+.2f} – {max(more):+.2f})",
            f"≤ {MOST} s more",
            difference <= MOST,
            f"{median(mine):.2f} s against {median(others):.2f} s",
        )
    ]


def _build(prepared: stack.Stack) -> Case:
    """The same image by hand: the base is an image in the engine."""
    project = prepared.project()
    image = project.spec.images["pose-service"]
    words = [f"--build-arg={name}={value}" for name, value in sorted(image.args.items())]
    words += [f"--secret=id={name},src={stack.SECRET}" for name in image.secrets]
    words += [f"--network={image.network}", "--tag=bench-pose-service"]
    return prepared.docker("docker buildx build", "buildx", "build", *words, image.context)


def _last(source: Path) -> int:
    """The number of the last edit of an earlier run: BuildKit would know it again."""
    mark = source.parents[3] / ".layers" / "edits"
    text = mark.read_text() if mark.exists() else "0"
    return int(text) if re.fullmatch(r"\d+", text) else 0


def _remember(source: Path, number: int) -> None:
    (source.parents[3] / ".layers" / "edits").write_text(str(number))
