"""``doit plan`` in a fresh clone, whose times come from the images that are in the registry."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from layers.project.history import History
from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e


def test_a_fresh_clone_tells_how_long_it_will_take(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Built and pushed in one checkout, edited in another, on a machine that has nothing."""
    workspace.edit("app/Dockerfile", "RUN cp /req", "RUN sleep 2; cp /req")
    workspace.doit("app")
    fresh = clone(workspace)
    lab.empty()
    fresh.edit("app/requirements.txt", "3.0", "3.1")
    told = json.loads(fresh.doit("plan", "--json", "app").out)
    rows = {row["name"]: row for row in told["layers"]}
    assert {name: row["does"] for name, row in rows.items()} == {
        "base": ["pull"],
        "app:deps": ["build", "push"],
        "app": ["build", "push"],
    }
    assert rows["app:deps"]["seconds"] >= 2
    assert rows["app:deps"]["after"] == ["base"]
    # how long this machine pulls nobody knows, and all else waits for that
    assert [rows[name]["begin"] for name in ("base", "app:deps", "app")] == [0, None, None]
    assert rows["base"]["bytes"] > 0
    assert told["sum"]["seconds"] >= 2
    assert told["sum"]["unknown"] == 0
    asked = len(lab.requests())
    last = [fresh.doit(word, "app").out.splitlines()[-1] for word in ("plan", "list")]
    assert last[0] == last[1]
    assert last[0].startswith("2 to build (≈ ")
    assert not [each for each in lab.requests()[asked:] if "referrers" in each]
    # a run that will likely take longer than a minute begins with its plan
    History(str(fresh.root / ".layers" / "history.jsonl")).record("app", "build", "", 90.0, ok=True)
    planned = fresh.doit("plan", "app").out
    assert planned.splitlines()[-1].startswith("2 to build (≈ 2 min), 1 to pull (up to ")
    assert fresh.doit("app").out.startswith(f"{planned}\n")
    assert fresh.doit("plan", "app").out == "1 fresh\n"
