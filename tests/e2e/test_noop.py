"""The up-to-date path: what it must not import, open or start; how fast it is, bench/ tells."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lab import CHECKOUT, Workspace

pytestmark = pytest.mark.e2e

SITE = """\
import atexit, json, os, sys

opened, started = [], []


def look(event, args):
    if event == "open" and isinstance(args[0], (str, bytes)):
        opened.append(os.path.abspath(os.fsdecode(args[0])))
    elif event in ("subprocess.Popen", "os.fork", "os.exec", "os.posix_spawn", "os.system"):
        started.append(repr(args))


def tell():
    told = {"modules": sorted(sys.modules), "opened": opened, "started": started}
    with open(os.environ["TRACE"], "w") as file:
        json.dump(told, file)


sys.addaudithook(look)
atexit.register(tell)
"""

HEAVY = {
    "docker",
    "http.client",
    "jsonschema",
    "layers.build.prepare",
    "layers.build.buildx",
    "layers.build.execute",
    "layers.graph.causes",
    "layers.graph.lockfiles",
    "layers.host.settings",
    "layers.lock.mirror",
    "layers.plan.assembling",
    "layers.plan.buildable",
    "layers.registry.client",
    "layers.build.packages.index",
    "layers.registry.transport",
    "layers.report.terminal",
    "layers.setup.logins",
    "requests",
    "rich",
    "ssl",
    "unicodedata",
    "urllib.request",
    "urllib3",
}

Trace = Callable[..., dict[str, Any]]


@pytest.fixture
def trace(workspace: Workspace, tmp_path: Path) -> Trace:
    """Runs doit in a repository that is up to date, and tells what it imported and opened."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE)
    workspace.doit()
    time.sleep(0.05)  # a file as young as the look at it is read once more, as git does
    workspace.doit()

    def run(*words: str) -> dict[str, Any]:
        told = tmp_path / "trace.json"
        path = f"{site}:{CHECKOUT}"
        done = workspace.doit(*words, PYTHONPATH=path, TRACE=str(told))
        found: dict[str, Any] = json.loads(told.read_text())
        return {**found, "text": done.text}

    return run


def context_files(workspace: Workspace) -> set[str]:
    """Every file of a context but those that say how it is built."""
    return {
        str(path)
        for folder in ("base", "app", "other")
        for path in (workspace.root / folder).rglob("*")
        if path.is_file() and path.name not in ("Dockerfile", ".dockerignore")
    }


@pytest.mark.parametrize("words", [(), ("list",), ("list", "--json")])
def test_an_up_to_date_run_is_light(
    workspace: Workspace, trace: Trace, words: tuple[str, ...]
) -> None:
    """Neither a client nor a display is imported, no file of a context opened, no process begun."""
    found = trace(*words)
    assert "layers.project.project" in found["modules"]
    assert "up to date" in found["text"] or "fresh" in found["text"]
    assert "build" not in found["text"].replace('"build": 0', "")
    assert set(found["modules"]) & HEAVY == set()
    assert set(found["opened"]) & context_files(workspace) == set()
    assert found["started"] == []


def test_only_the_changed_file_is_opened(workspace: Workspace, trace: Trace) -> None:
    """After an edit, that file is read and no other: so the trace sees what is opened.

    Not in ``app``: to say what changed there, its requirements are read too.
    """
    workspace.edit("other/other.txt", "other 1", "other 22")
    found = trace("list")
    changed = str(workspace.root / "other" / "other.txt")
    assert set(found["opened"]) & context_files(workspace) == {changed}
