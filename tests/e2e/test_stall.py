"""Builds that hang, on the real engine: told of, and ended where that is asked for."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from layers.build import stall
from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e


def hanging(workspace: Workspace, script: str, *keys: str) -> None:
    """One image whose last step is ``script``; ``keys`` are its own in images.toml."""
    upstream = workspace.read("base/Dockerfile").split()[1]
    name = workspace.name
    head = f'version = 1\n[project]\nname = "{name}"\n[images.app]\ncontext = "app"\n'
    text = "\n".join((f'{head}tag = "{name}-app"', *keys, ""))
    dockerfile = f"FROM {upstream}\nRUN echo first of {name}\nRUN {script}\n"
    workspace.write({"images.toml": text, "app/Dockerfile": dockerfile})


def sleeping(seconds: str) -> list[str]:
    """Processes of this machine that sleep for so long; those of a build are among them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", seconds.encode()]:
            found.append(entry.parent.name)
    return found


def test_a_step_that_hangs_is_ended_with_its_question(workspace: Workspace) -> None:
    """Within seconds, status 1, nothing left behind; the next run goes on from the cache."""
    seconds = f"30.{os.getpid()}"
    script = f"echo Configuring tzdata; printf 'Geographic area: '; sleep {seconds}"
    hanging(workspace, script, 'stall_timeout = "2s"', "stall_end = true")
    run = workspace.doit("app", status=1)
    assert run.seconds < 10, run.text
    assert "app: the build was ended, as stall_end asks: nothing printed for 2." in run.text
    assert "    | Configuring tzdata\n    | Geographic area:\n" in run.text
    assert "DEBIAN_FRONTEND=noninteractive" in run.text
    assert "bug" not in run.text
    assert workspace.image("app") == ""
    assert sleeping(seconds) == []

    workspace.edit("app/Dockerfile", f"; sleep {seconds}", "")
    workspace.doit("app")
    assert workspace.image("app")
    assert [step.partition("] ")[2][:9] for step in workspace.ran()["app"]] == ["RUN echo "]


def test_a_step_that_is_silent_is_told_of_and_goes_on(workspace: Workspace) -> None:
    """After two seconds and after four, as an object for programs."""
    hanging(workspace, f"sleep 6.{os.getpid()}", 'stall_timeout = "2s"')
    lines = [json.loads(line) for line in workspace.doit("run", "--json", "app").out.splitlines()]
    stalls = [line for line in lines if line["event"] == "stalled"]
    assert [round(line["seconds"]) // 2 for line in stalls] == [1, 2]
    assert {line["layer"] for line in stalls} == {"app"}
    assert all("RUN sleep 6." in line["name"] for line in stalls)
    assert workspace.image("app")


def test_what_buildkit_does_itself_is_never_ended(workspace: Workspace) -> None:
    """A large image is copied and packed in silence, for longer than a step may be silent."""
    hanging(workspace, "true", 'stall_timeout = "1s"', "stall_end = true")
    workspace.edit("app/Dockerfile", "RUN true", "COPY model /model")
    model = workspace.root / "app" / "model"
    model.write_bytes(os.urandom(400_000_000))
    lines = [json.loads(line) for line in workspace.doit("run", "--json", "app").out.splitlines()]
    stalls = [line for line in lines if line["event"] == "stalled"]
    assert "exporting to image" in {line["name"] for line in stalls}
    assert {line["advice"] for line in stalls} == {stall.OWN}
    assert workspace.image("app")
    model.unlink()
