"""``doit watch``, as somebody with an editor beside it sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e


@pytest.fixture
def watching(workspace: Workspace, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A watch of the small stack's service; what it prints is in ``watch.log``."""
    with (tmp_path / "watch.log").open("wb") as log:
        found = subprocess.Popen(
            workspace.command("watch", "app"),
            cwd=workspace.root,
            env=workspace.environ(),
            stdout=log,
            stderr=log,
        )
    yield found
    if found.poll() is None:
        found.kill()
        found.wait()


def until(path: Path, fits: Callable[[str], bool]) -> str:
    """What was printed once it fits."""
    deadline = time.monotonic() + 60
    while not fits(text := path.read_text()):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)
    return text


def test_edits_build_and_others_do_not(
    workspace: Workspace, watching: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """A parent's file too; a broken Dockerfile is told; Ctrl-C ends a build that is under way."""
    log = tmp_path / "watch.log"

    def built(times: int) -> str:
        return until(log, lambda text: text.count("Ctrl-C ends it") == times)

    assert "[app] built" in built(1)
    assert workspace.states()["app"] == "fresh"
    workspace.write({"other/other.txt": "no input of it\n", "app/x.log": "ignored\n"})
    workspace.write({"base/base.txt": "base 2\n"})
    assert "[base] build: base/base.txt changed" in built(2)
    dockerfile = workspace.read("app/Dockerfile")
    workspace.write({"app/Dockerfile": "FRM scratch\n"})
    until(log, lambda text: "not made; watching goes on" in text)
    workspace.write({"app/new": dockerfile})
    os.rename(workspace.root / "app/new", workspace.root / "app/Dockerfile")
    text = until(log, lambda text: "app: as it was made last" in text)
    assert "other" not in text
    assert "x.log" not in text
    workspace.write({"app/app.py": "print(2)\n"})
    until(log, lambda text: "[app] build: app/app.py changed" in text)
    watching.send_signal(signal.SIGINT)
    assert watching.wait(30) == 130
    assert workspace.doit("app").status == 0
