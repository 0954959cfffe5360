"""``doit why`` against the images that are really there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e


def why(workspace: Workspace, *words: str, status: int = 0) -> Any:
    """What ``doit why --json`` tells."""
    return json.loads(workspace.doit("why", "--json", *words, status=status).out)


def texts(told: Any) -> list[str]:
    return [f"{change['layer']}: {change['text']}" for change in told["changes"]]


def test_the_image_that_is_there_is_explained(workspace: Workspace) -> None:
    """From never built, over fresh, to a change in the parent and one of its own."""
    told = why(workspace, "app")
    assert (told["old"], told["changes"]) == (None, [])

    workspace.doit()
    told = why(workspace, "app")
    first = told["old"]
    assert (told["new"], told["changes"]) == (first, [])
    assert "nothing changed" in workspace.doit("why", "app").out

    workspace.edit("base/base.txt", "1", "2")
    workspace.edit("app/requirements.txt", "3.0", "3.1")
    expected = [
        "base: base/base.txt changed",
        "app: app/requirements.txt: flask 3.0 → 3.1",
    ]
    told = why(workspace, "app")
    assert told["old"] == first != told["new"]
    assert texts(told) == expected

    workspace.doit()
    assert why(workspace, "app")["changes"] == []
    assert texts(why(workspace, "app", first[:14])) == expected
    assert texts(why(workspace, "app:deps", first)) != []


def test_an_image_whose_record_is_lost_is_said_to_be_unknown(workspace: Workspace) -> None:
    """Both keys are told; and what is there and true is remembered again by the next look."""
    workspace.environment["LAYERS_REGISTRY"] = "127.0.0.1:1"  # else that knows it
    workspace.doit()
    records = workspace.root / ".layers" / "manifests"
    shutil.rmtree(records)
    workspace.edit("app/app.py", "1", "2")
    told = why(workspace, "app", status=1)
    assert told["old"] != told["new"]
    assert told["changes"] == []
    done = workspace.doit("why", "app", status=1)
    assert "is not kept here" in done.err
    workspace.edit("app/app.py", "2", "1")
    assert set(workspace.states().values()) == {"fresh"}
    workspace.edit("app/app.py", "1", "2")
    assert texts(why(workspace, "app")) == ["app: app/app.py changed"]


def test_a_clean_clone_asks_the_registry(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Whatever the engine has: by its image's key, by any tag, and by ``latest``; parents too."""
    workspace.doit("publish", "--tag", "v1.2", "--tag", "latest")
    first = why(workspace, "app")["old"]
    edited = clone(workspace)
    edited.edit("base/base.txt", "1", "2")
    edited.edit("app/requirements.txt", "3.0", "3.1")
    expected = [
        "base: base/base.txt changed",
        "app: app/requirements.txt: flask 3.0 → 3.1",
    ]
    assert texts(why(edited, "app")) == expected  # the engine has the image, nobody a record
    records = edited.root / ".layers" / "manifests"
    for words, tag in (((), "latest"), (("v1.2",), "v1.2"), ((first,), None)):
        lab.empty()
        shutil.rmtree(records)
        told = why(edited, "app", *words)
        assert (told["old"], told["tag"], texts(told)) == (first, tag, expected)
    assert "since v1.2 in the registry" in edited.doit("why", "app", "v1.2").out
    before = len(lab.requests())
    why(edited, "app", first)
    assert lab.requests()[before:] == []


def test_the_list_tells_the_same_causes_in_short(workspace: Workspace) -> None:
    """The parent's cause in the parent's row, the child's own in its own."""
    workspace.doit()
    workspace.edit("base/base.txt", "1", "2")
    workspace.edit("app/app.py", "1", "2")
    assert workspace.reasons("base") == "base/base.txt changed"
    assert workspace.reasons("app").startswith("parent ")
    assert "app/app.py changed" in workspace.reasons("app")
    assert workspace.reasons("other") == "the engine has this key"
