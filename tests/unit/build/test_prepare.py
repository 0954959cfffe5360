"""What a build is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.build.parents import Parents
from layers.build.prepare import prepared
from layers.graph.graph import Layer
from layers.oci.platform import machine_platform
from layers.project.project import Project
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, NOWHERE, begin, machine


@pytest.mark.parametrize(
    ("last", "line", "expected"),
    [
        ("FROM scratch", "", None),
        ("FROM scratch AS Final", "", None),
        ("FROM scratch AS Final", "target = 'FINAL'\n", "final"),
        ("FROM scratch AS other", "target = 'one'\n", "one"),
    ],
)
def test_a_target_is_said_where_images_toml_says_one(
    tmp_path: Path, last: str, line: str, expected: str | None
) -> None:
    """Else ARG TARGETSTAGE would be another than in a plain build."""
    world = machine(tmp_path, MemoryRegistry())
    spec = tmp_path / "images.toml"
    spec.write_text(spec.read_text().replace('context = "app"\n', f'context = "app"\n{line}'))
    (tmp_path / "app" / "Dockerfile").write_text(f"FROM scratch AS one\nCOPY a /a\n{last}\n")
    run = begin(Project(str(tmp_path)), world.engine, world.registry)
    with prepared(run, run.planner.plan.steps[APP], Parents(run)) as call:
        assert call.target == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", ("deps",)),
        ("ARG TARGETSTAGE\n", "", ()),
        ("", "ARG A TARGETSTAGE=x\n", ()),
        ("ENV TARGETSTAGE=x\n", "", ("deps",)),
    ],
)
def test_a_stage_that_knows_the_target_is_no_start_of_another_build(
    tmp_path: Path, first: str, second: str, expected: tuple[str, ...]
) -> None:
    """As an image it was its own target."""
    machine(tmp_path, MemoryRegistry())
    spec = tmp_path / "images.toml"
    spec.write_text(
        spec.read_text().replace('context = "app"\n', 'context = "app"\npush_stages = ["deps"]\n')
    )
    (tmp_path / "app" / "Dockerfile").write_text(
        f"FROM scratch AS tool\nCOPY a /b\n{first}FROM scratch AS deps\nCOPY --from=tool /b /b\n"
        f"{second}FROM scratch\nCOPY --from=deps /b /b\n"
    )
    inputs = Project(str(tmp_path)).inputs
    assert inputs.frontier(APP).stages == expected
    assert inputs.frontier(Layer("app", "deps")).stages == ()


@pytest.mark.parametrize(
    ("line", "host", "expected"),
    [
        ("", "unix:///nowhere.sock", ("", ())),
        ("", "tcp://build.example.com:2375", (machine_platform(), ("BUILDARCH", "BUILDPLATFORM"))),
        ('platform = "linux/s390x"\n', "unix:///nowhere.sock", ("linux/s390x", ())),
    ],
)
def test_what_buildx_is_told_of_platforms(
    tmp_path: Path, line: str, host: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    """The image's own, where it is not the engine's; and to an engine elsewhere, which may be on
    another, what this machine's is: the key has that.
    """
    world = machine(tmp_path, MemoryRegistry())
    spec = tmp_path / "images.toml"
    spec.write_text(spec.read_text().replace('context = "app"\n', f'context = "app"\n{line}'))
    (tmp_path / "app" / "Dockerfile").write_text(
        "FROM --platform=$BUILDPLATFORM scratch AS one\nARG BUILDARCH TARGETARCH\nCOPY a /a\n"
        "FROM scratch\nCOPY --from=one /a /a\n"
    )
    endpoint = NOWHERE._replace(host=host)
    run = begin(Project(str(tmp_path)), world.engine, world.registry, endpoint=endpoint)
    with prepared(run, run.planner.plan.steps[APP], Parents(run)) as call:
        assert (call.platform, tuple(sorted(call.args))) == expected
        assert set(call.args.values()) <= {machine_platform(), machine_platform().split("/")[1]}
