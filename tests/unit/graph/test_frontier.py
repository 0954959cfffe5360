"""Where a build ends and kept stages begin, from Dockerfiles as people write them."""

from __future__ import annotations

import pytest

from hashes.dockerfile.parser import parse
from hashes.dockerfile.reachable import reach, references
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
    edges = [Edge(each.text, each.line, None, each.text, kind=each.kind) for each in found]
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


def test_what_a_replaced_stage_points_at_gets_a_name() -> None:
    """BuildKit resolves names below a replaced stage; its own image stands in for all of them."""
    found = look(POSE, "wheels", "torch")
    assert found.shadows == {"system": "torch", "fetch": "torch", "cuda": "torch"}


def test_what_is_really_used_is_never_shadowed() -> None:
    """A stage that the build needs for itself stays what it is, also below a replaced one."""
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
    assert found.shadows == {}


def test_an_image_that_only_a_replaced_stage_uses_is_shadowed() -> None:
    """An upstream that is out of reach must not stop a build that does not need it."""
    text = """\
FROM alpine AS deps
COPY --from=busybox /bin/sh /sh
FROM scratch
COPY --from=deps /x /x
"""
    found = look(text, "", "deps")
    assert found.edges == ()
    assert found.shadows == {"busybox": "deps", "alpine": "deps"}


def test_a_stage_without_a_name_is_walked_through() -> None:
    """Nothing can be put in its place, so what it stands on is named instead."""
    text = """\
FROM alpine
RUN a
FROM scratch AS deps
COPY --from=0 /a /a
FROM scratch
COPY --from=deps /a /a
"""
    assert look(text, "", "deps").shadows == {"alpine": "deps"}
