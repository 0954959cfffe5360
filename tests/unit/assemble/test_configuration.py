"""What each instruction does to an image's settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hashes.dockerfile.parser import parse
from hashes.dockerfile.state import State
from layers.assemble.configuration import Configuration
from layers.assemble.healthcheck import duration
from layers.assemble.obstacle import Blocked

BASE = {
    "os": "linux",
    "architecture": "amd64",
    "author": "them",
    "docker_version": "dropped",
    "created": "2026-01-01T00:00:00Z",
    "config": {
        "Hostname": "dropped",
        "Env": ["A=1", "PATH=/bin"],
        "Cmd": ["base"],
        "Labels": {"l": "base"},
        "WorkingDir": "/srv",
        "OnBuild": ["ENV T=1"],
    },
    "rootfs": {"type": "layers", "diff_ids": ["sha256:1"]},
    "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "a layer"}],
}


def configured(*lines: str, base: Any = BASE, triggers: bool = False) -> Configuration:
    """A configuration after some instructions of one stage."""
    file = parse("\n".join(("FROM b", *lines)).encode(), "Dockerfile")
    found = Configuration(base)
    state = State(file.escape, found.environment())
    found.begin_stage()
    if not triggers:
        found.end_triggers()
    for item in file.stages[0].instructions:
        found.take(item, state)
    return found


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("ENV B=2", "Env", ["A=1", "PATH=/bin", "B=2"]),
        ("ENV A=$A$A", "Env", ["A=11", "PATH=/bin"]),
        ("ENV C=1 A='x y'", "Env", ["A=x y", "PATH=/bin", "C=1"]),
        ("LABEL m=$A l=2", "Labels", {"l": "2", "m": "1"}),
        ("USER u:$A", "User", "u:1"),
        ("WORKDIR w", "WorkingDir", "/srv/w"),
        ("WORKDIR ../x", "WorkingDir", "/x"),
        ("WORKDIR /w", "WorkingDir", "/w"),
        ('CMD ["a", "$A"]', "Cmd", ["a", "$A"]),
        ("CMD a  $A", "Cmd", ["/bin/sh", "-c", "a  $A"]),
        ("CMD []", "Cmd", []),
        ("ENTRYPOINT e", "Entrypoint", ["/bin/sh", "-c", "e"]),
        ("ENTRYPOINT e", "Cmd", None),
        ('CMD ["c"]\nENTRYPOINT ["e"]', "Cmd", ["c"]),
        ('ENTRYPOINT ["e"]\nCMD ["c"]', "Cmd", ["c"]),
        ('SHELL ["/sh", "-e"]\nCMD x', "Cmd", ["/sh", "-e", "x"]),
        ("CMD x", "ArgsEscaped", True),
        ("EXPOSE 80", "ExposedPorts", {"80/tcp": {}}),
        ("EXPOSE 080/UDP 90-91", "ExposedPorts", {"80/udp": {}, "90/tcp": {}, "91/tcp": {}}),
        ("VOLUME /a $A", "Volumes", {"/a": {}, "1": {}}),
        ("STOPSIGNAL SIGINT", "StopSignal", "SIGINT"),
        ("STOPSIGNAL 9", "StopSignal", "9"),
        ("ONBUILD RUN x && y", "OnBuild", ["RUN x && y"]),
        ("HEALTHCHECK NONE", "Healthcheck", {"Test": ["NONE"]}),
        ("HEALTHCHECK CMD a  b", "Healthcheck", {"Test": ["CMD-SHELL", "a  b"]}),
        (
            'HEALTHCHECK --interval=1m30s --retries=3 CMD ["a"]',
            "Healthcheck",
            {"Test": ["CMD", "a"], "Interval": 90_000_000_000, "Retries": 3},
        ),
        ("ARG X=1", "OnBuild", None),
        ("ARG X=1", "Hostname", None),
    ],
)
def test_an_instruction_sets_what_buildkit_sets(line: str, name: str, value: object) -> None:
    assert configured(line).config.get(name) == value


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("WORKDIR /w/", "not a clean path"),
        ("EXPOSE 70000", "not clearly a port"),
        ("EXPOSE 9-8", "not clearly a port"),
        ("EXPOSE 1.2.3.4:80:80", "not clearly a port"),
        ("STOPSIGNAL NO", "not clearly a signal"),
        ("STOPSIGNAL 0", "not clearly a signal"),
        ("VOLUME $NO", "without a path"),
        ("HEALTHCHECK --interval=1 CMD a", "not clearly a duration"),
        ("HEALTHCHECK --interval=1us CMD a", "shorter than a millisecond"),
        ("HEALTHCHECK --retries=x CMD a", "no number"),
    ],
)
def test_what_is_not_clear_is_left_to_the_engine(line: str, reason: str) -> None:
    with pytest.raises(Blocked, match=reason):
        configured(line)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1h2m3s", 3_723_000_000_000),
        ("1.5s", 1_500_000_000),
        ("", 0),
        ("0", 0),
        ("5ms", 5_000_000),
        ("2.s", 2_000_000_000),
    ],
)
def test_durations_are_go_s(text: str, nanoseconds: int) -> None:
    assert duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["1", "s", "1x", "-1s", "1 s", "1s1", "999999999h"])
def test_other_durations_are_none(text: str) -> None:
    with pytest.raises(Blocked):
        duration(text)


def test_a_base_without_a_path_gets_one() -> None:
    found = configured("USER u", base={**BASE, "config": {}})
    assert found.config["Env"] == [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ]


def test_the_blob_keeps_history_and_layers_and_drops_what_is_not_known() -> None:
    found = configured("MAINTAINER us")
    found.label({"io.doit-layers.key": "k"})
    found.diff_ids.append("sha256:2")
    value = json.loads(found.to_bytes("2026-02-02T00:00:00Z"))
    assert value["author"] == "us"
    assert value["created"] == "2026-02-02T00:00:00Z"
    assert value["rootfs"]["diff_ids"] == ["sha256:1", "sha256:2"]
    assert value["history"][0]["created"] == "2026-01-01T00:00:00Z"
    assert value["config"]["Labels"] == {"l": "base", "io.doit-layers.key": "k"}
    assert "docker_version" not in value


def test_a_base_is_left_as_it_was() -> None:
    before = json.dumps(BASE)
    configured("ENV A=2", "LABEL l=2", "EXPOSE 80")
    assert json.dumps(BASE) == before
