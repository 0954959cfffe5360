"""What of platforms stands in the way of a build, and is told before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.project.emulators import read
from layers.project.project import Project
from layers.setup.endpoint import Endpoint
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, NOWHERE, FixedBackends, begin, machine

HERE = "linux/amd64"
TOLD = """\
Name:   default
Driver: docker

Nodes:
Name:             default
Platforms:        linux/amd64, linux/amd64/v2, linux/arm/v7*, linux/arm64/v8
Labels:
 org.mobyproject.buildkit.worker.platforms: linux/s390x
"""


def test_the_platforms_that_an_engine_runs_are_read() -> None:
    """In their one spelling; an engine that does not say runs nobody knows what."""
    assert read(TOLD) == {"linux/amd64", "linux/amd64/v2", "linux/arm/v7", "linux/arm64"}
    assert read("ERROR: no builder\n") == frozenset()


def problem(
    root: Path,
    dockerfile: str,
    *,
    wanted: str = HERE,
    runs: frozenset[str] = frozenset({HERE}),
    endpoint: Endpoint = NOWHERE,
    line: str = "",
) -> str:
    """Why the first image cannot be built, on a machine that is linux/amd64; "": it can."""
    world = machine(root, MemoryRegistry())
    spec = root / "images.toml"
    more = f'context = "app"\nplatform = "{wanted}"\n{line}'
    spec.write_text(spec.read_text().replace('context = "app"\n', more))
    (root / "app" / "Dockerfile").write_text(dockerfile)
    run = begin(Project(str(root)), world.engine, world.registry, endpoint=endpoint)
    assert isinstance(run.backends, FixedBackends)
    vars(run.backends).update(platforms=runs)
    _nowhere, *more_reasons = run.planner.plan.steps[APP].reasons
    return "\n".join(more_reasons)


RUNS = "FROM scratch\nCOPY a /a\nRUN true\n"


@pytest.mark.parametrize(
    ("dockerfile", "wanted", "runs", "line"),
    [
        (RUNS, HERE, (), 0),
        (RUNS, "linux/s390x", (HERE,), 3),
        (RUNS, "linux/s390x", (HERE, "linux/s390x"), 0),
        (RUNS, "linux/s390x", (), 0),
        ("FROM scratch\nCOPY a /a\n", "linux/s390x", (HERE,), 0),
        ("FROM --platform=$BUILDPLATFORM scratch AS x\nRUN true\nFROM scratch\nCOPY --from=x / /\n",
         "linux/s390x", (HERE,), 0),
        ("FROM --platform=linux/s390x scratch AS x\nRUN true\nFROM scratch\nCOPY --from=x / /\n",
         HERE, (HERE,), 2),
    ],
)  # fmt: skip
def test_a_run_that_nothing_here_can_run_is_told_with_its_line(
    tmp_path: Path, dockerfile: str, wanted: str, runs: tuple[str, ...], line: int
) -> None:
    """The first RUN of a stage for a platform without an emulator; a copy needs none."""
    _on(HERE)
    told = problem(tmp_path, dockerfile, wanted=wanted, runs=frozenset(runs))
    assert bool(told) == bool(line)
    if line:
        assert f"app/Dockerfile:{line}: this RUN is for linux/s390x" in told
        assert "it runs linux/amd64" in told


def test_who_builds_elsewhere_makes_the_same_image_or_none(tmp_path: Path) -> None:
    """BuildKit there is told the platform, and would write it over that of the last stage."""
    there = NOWHERE._replace(host="tcp://build.example.com:2375")
    dockerfile = "FROM --platform=linux/arm64 debian:12\nCOPY a /a\n"
    assert "app/Dockerfile:1: this stage is for linux/arm64, and the image for linux/amd64" in (
        problem(tmp_path / "a", dockerfile, endpoint=there)
    )
    assert problem(tmp_path / "b", dockerfile) == ""
    assert problem(tmp_path / "c", "FROM debian:12\nCOPY a /a\n", endpoint=there) == ""


def _on(platform: str) -> None:
    from layers.oci.platform import machine_platform

    if machine_platform() != platform:
        pytest.skip(f"the table is for {platform}")
