"""Reach: which stages a target needs, and which names lead outside the file."""

from __future__ import annotations

from typing import Any

import pytest

from hashes import DockerfileError, parse, references
from hashes.dockerfile.reachable import familiar, reach

FILE = """\
ARG BASE=node
ARG V=18
FROM ${BASE}:$V AS deps
FROM --platform=$BUILDPLATFORM golang AS tool
COPY --from=alpine:3 /a /b
FROM debian AS unused
COPY --from=busybox /a /b
FROM deps AS build
COPY --from=tool /t /t
RUN --mount=from=rust:1,target=/r --mount=type=bind,from=DEPS,target=/d true
FROM scratch
COPY --from=2 /x /y
FROM scratch AS run
COPY --from=Build /x /y
"""


def names(text: Any, target: Any = None, args: Any = None, **more: Any) -> Any:
    file = parse(text.encode(), "Dockerfile")
    found = references(file, target, args or {}, "linux/arm64", "linux/amd64", **more)
    return [(each.text, each.kind, each.line, each.platform) for each in found]


def indices(text: Any, target: Any = None, args: Any = None, **more: Any) -> Any:
    file = parse(text.encode(), "Dockerfile")
    return [each.index for each in reach(file, target, args or {}, "linux/amd64", **more)]


def test_only_what_the_target_needs_is_reached() -> None:
    """By FROM, by COPY --from and by mounts, without regard to case."""
    assert indices(FILE) == [0, 1, 3, 5]
    assert indices(FILE, "TOOL") == [1]


def test_names_outside_come_with_line_and_platform() -> None:
    """A FROM with a platform asks for another image; copies take the target's."""
    assert names(FILE) == [
        ("node:18", "from", 3, "linux/arm64"),
        ("golang", "from", 4, "linux/amd64"),
        ("alpine:3", "copy", 5, "linux/arm64"),
        ("rust:1", "mount", 10, "linux/arm64"),
    ]


def test_build_arguments_choose_the_base() -> None:
    """A given argument goes before the default."""
    assert names(FILE, "deps", {"V": "20"})[0][0] == "node:20"


def test_the_syntax_image_is_a_reference() -> None:
    """It runs on the builder; BUILDKIT_SYNTAX replaces it."""
    text = "# syntax=docker/dockerfile:1\nFROM scratch\n"
    assert names(text) == [("docker/dockerfile:1", "syntax", 1, "linux/amd64")]
    assert names(text, None, {"BUILDKIT_SYNTAX": "other"})[0][0] == "other"


def test_arguments_may_choose_the_stage() -> None:
    """``FROM stage-${V}`` and ``FROM src_${X:+no_}copy``."""
    text = "ARG V=a\nFROM x AS s-a\nFROM y AS s-b\nFROM s-${V:+b}\n"
    assert indices(text) == [1, 2]
    assert indices("ARG V\nFROM x AS s-\nFROM y AS s-b\nFROM s-${V:+b}\n") == [0, 2]


def test_from_finds_the_latest_stage_above() -> None:
    """``FROM x AS x`` builds on the x above it (docker 26.1.5, tried)."""
    text = "FROM a AS x\nFROM x AS x\nFROM x\n"
    assert indices(text) == [0, 1, 2]
    assert indices("FROM later\nFROM a AS later\nFROM scratch\n") == [2]


def test_a_number_is_a_stage_for_copy_and_an_image_for_mounts() -> None:
    """``RUN --mount=from=0`` looks for the image ``0`` (docker 26.1.5, tried)."""
    text = "FROM a\nFROM b\nRUN --mount=from=0,target=/x true\n"
    assert indices(text) == [1]
    assert ("0", "mount", 3, "linux/arm64") in names(text)


def test_onbuild_of_a_parent_stage_reaches_further() -> None:
    """The trigger runs in the child, and only there."""
    text = "FROM a AS s\nFROM b AS p\nONBUILD COPY --from=s /x /y\nFROM p AS c\nFROM c\n"
    assert indices(text) == [0, 1, 2, 3]
    assert indices(text, "p") == [1]


def test_onbuild_of_an_image_reaches_stages() -> None:
    """Triggers of a base image may copy from stages."""
    text = "FROM a AS s\nFROM base\n"
    assert indices(text) == [1]
    assert indices(text, triggers=lambda name, _: ("COPY --from=s /x /y",) * (name == "base")) == [
        0,
        1,
    ]


def test_a_named_context_goes_before_stages_and_images() -> None:
    """Whatever the spelling of the image."""
    assert names(FILE, "deps", contexts=("docker.io/library/node:18",)) == []
    assert indices("FROM a AS s\nRUN x\nFROM s\n", contexts=("s",)) == [0, 1]
    assert names("FROM a AS s\nRUN x\nFROM s\n", contexts=("s",)) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("FROM $NOPE\nFROM a\n", 1, "empty"),
        ("FROM --platform=bogus a\nFROM a\n", 1, "unknown operating system"),
        ("FROM Bad:Name:x\nFROM a\n", 1, "neither a stage nor"),
        ("FROM a AS Base\nFROM Base\n", 2, "lower case"),
        ("FROM a\nCOPY --from=7 a b\nFROM a\n", 2, "from 0 to 1"),
        ("FROM a\nCOPY --from=$X a b\nFROM a\n", 2, "variables are not expanded"),
        ("FROM a AS x\nCOPY --from=x a b\n", 2, "itself"),
        ("FROM a AS x\nCOPY --from=y a b\nFROM a AS y\nFROM x\n", 2, "not above"),
        ("ARG V=${W:?give W}\nFROM a\n", 1, "give W"),
    ],
)
def test_what_buildkit_refuses_is_refused(text: str, line: int, words: str) -> None:
    """Heads of unused stages count as well."""
    with pytest.raises(DockerfileError, match=words) as caught:
        indices(text)
    assert caught.value.line == line


def test_a_later_stage_in_an_unused_stage_is_fine() -> None:
    """BuildKit looks at it only when it builds that stage (tried)."""
    assert indices("FROM a AS x\nCOPY --from=y a b\nFROM a AS y\nFROM a\n") == [2]


def test_an_unknown_target_is_told_with_the_names() -> None:
    """And with the nearest one."""
    with pytest.raises(DockerfileError, match="did you mean 'build'"):
        indices(FILE, "biuld")


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("node", "node"),
        ("node:latest", "node"),
        ("docker.io/library/node:latest", "node"),
        ("docker.io/a/b", "a/b"),
        ("host:5000/a", "host:5000/a"),
        ("node:18", "node:18"),
    ],
)
def test_familiar_names(name: str, short: str) -> None:
    """Named contexts match by these."""
    assert familiar(name) == short
