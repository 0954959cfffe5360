"""``doit graph`` and ``doit report`` beside images that are really there."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e


def states(workspace: Workspace) -> dict[str, str]:
    told = json.loads(workspace.doit("graph", "--all", "--json").out)
    return {each["name"]: each["state"] for each in told["nodes"]}


def words(workspace: Workspace, *options: str) -> str:
    """What is read on the page."""
    done = workspace.doit("report", *options)
    assert done.out.startswith(".layers/report.html: ")
    text = (workspace.root / ".layers" / "report.html").read_text()
    body = text.partition("</style>")[2]
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def test_pictures_tell_what_the_engine_has(workspace: Workspace) -> None:
    """After a build, and what a changed file does to sizes and reasons."""
    workspace.doit()
    assert states(workspace)["app"] == "fresh"
    first = words(workspace, "--measure")
    assert "app by filesystem layer" in first
    assert "app at this key since" not in first
    workspace.edit("app/app.py", "1", "2" * 5000)
    workspace.doit()
    told = words(workspace)
    assert re.search(r"Sizes .*\bapp [\d.]+ [kM]?B \+[\d.]+ kB since the one before", told)
    assert "app , at this key since" in told
    assert "app/app.py changed" in told
    assert "not measured" not in told
    assert "What could not be found out" not in told
