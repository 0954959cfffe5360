"""Where a build ends and kept stages begin, from Dockerfiles as people write them."""

from __future__ import annotations

import pytest

from hashes.dockerfile.parser import parse
from hashes.dockerfile.reachable import reach, references
from hashes.dockerfile.rewrite import Use
from layers.graph.frontier import Frontier, frontier
from layers.graph.graph import Edge

POSE = """\
FROM cuda AS system
RUN apt-get install python3
FROM system AS fetch
ARG TORCH
RUN pip wheel $TORCH
FROM system AS torch
RUN --mount=type=bind,from=fetch,target=/wheels pip install /wheels/*.whl
FROM cuda-devel AS devel
COPY --from=torch /opt/venv /opt/venv
RUN pip wheel pytorch3d
FROM scratch AS wheels
COPY --from=devel /wheels /wheels
FROM torch AS deps
RUN --mount=type=bind,from=wheels,target=/wheels pip install /wheels/*.whl
FROM deps AS runtime
RUN python3 -c "import torch"
"""


def look(text: str, target: str, *kept: str) -> Frontier:
    """The frontier of ``target`` with these stages kept; every image is an upstream."""
    file = parse(text.encode(), "Dockerfile")
    reached = reach(file, target, {}, "linux/amd64")
    names = {stage.index: stage.name for stage in file.stages}
    found = references(file, target, {}, "linux/amd64")
    edges = [
        Edge(each.text, each.line, None, each.text, each.platform, each.kind) for each in found
    ]
    below = {each.index: names[each.index] for each in reached[:-1] if names[each.index] in kept}
    return frontier(reached, file.stages, below, edges)


@pytest.mark.parametrize(
    ("target", "kept", "stages", "images"),
    [
        ("runtime", "", "", "cuda cuda-devel"),
        ("runtime", "deps", "deps", ""),
        ("runtime", "torch deps", "deps", ""),
        ("runtime", "torch", "torch", "cuda-devel"),
        ("wheels", "torch", "torch", "cuda-devel"),
        ("deps", "torch wheels", "torch wheels", ""),
        ("torch", "", "", "cuda"),
    ],
)
def test_a_build_starts_at_the_nearest_kept_stages(
    target: str, kept: str, stages: str, images: str
) -> None:
    """What lies below a kept stage is nobody's business: no stage of it, no image of it."""
    found = look(POSE, target, *kept.split())
    assert set(found.stages) == set(stages.split())
    assert {edge.text for edge in found.edges} == set(images.split())


def test_every_place_that_takes_something_is_told() -> None:
    """By its line, its instruction and the name that it has there."""
    found = look(POSE, "wheels", "torch")
    assert {(start.use, start.stage) for start in found.starts} == {
        (Use(9, "COPY", "torch"), "torch"),
        (Use(8, "FROM", "cuda-devel"), None),
    }


def test_nothing_below_a_kept_stage_is_needed() -> None:
    """An upstream that is out of reach must not stop a build that does not need it."""
    text = """\
FROM alpine AS deps
COPY --from=busybox /bin/sh /sh
FROM scratch
COPY --from=deps /x /x
"""
    found = look(text, "", "deps")
    assert found.edges == ()
    assert [(start.use.line, start.stage) for start in found.starts] == [(4, "deps")]


def test_a_stage_that_two_take_from_is_built_once_and_taken_once() -> None:
    """What is kept is an image for everybody; what lies beside it stays a stage."""
    text = """\
FROM base AS tools
RUN a
FROM tools AS deps
RUN b
FROM other AS runtime
COPY --from=deps /x /x
COPY --from=tools /y /y
"""
    found = look(text, "runtime", "deps")
    assert found.stages == ("deps",)
    assert {edge.text for edge in found.edges} == {"base", "other"}


def test_a_stage_that_a_trigger_takes_from_is_built() -> None:
    """The trigger's text is in the base's configuration, where no other name can be written."""
    text = """\
FROM scratch AS deps
COPY a /a
FROM parent
COPY --from=deps /a /b
"""
    file = parse(text.encode(), "Dockerfile")
    triggers = ("COPY --from=deps /a /t",)
    reached = reach(file, None, {}, "linux/amd64", triggers=lambda _name, _platform: triggers)
    found = frontier(reached, file.stages, {0: "deps"}, [])
    assert found.stages == ()


def test_one_upstream_on_two_platforms_is_two() -> None:
    """Each use gets its own."""
    text = "FROM --platform=linux/arm64 alpine AS a\nFROM alpine\nCOPY --from=a /x /x\n"
    found = look(text, "")
    assert [(s.use.line, s.edge.platform) for s in found.starts if s.edge is not None] == [
        (2, "linux/amd64"),
        (1, "linux/arm64"),
    ]
