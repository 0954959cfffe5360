"""``doit sizes``: an image weighed in the engine weighs the same in the registry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e


def test_engine_and_registry_agree_and_growth_is_told(workspace: Workspace) -> None:
    """After an edit, by what layers grew; a second look pulls nothing into the engine."""
    app = workspace.name + "-app"

    def sizes() -> Any:
        (found,) = json.loads(workspace.doit("sizes", "--json", "app").out)["images"]
        return found

    said = "app: no engine and no registry that answers has it at this key"
    assert said in workspace.doit("sizes", "app", status=1).text
    workspace.doit("app")
    first = sizes()
    assert (first["where"], first["growth"]) == ("engine", None)
    workspace.write({"app/app.py": "print(1)\n" * 1000})
    workspace.doit("app")
    here = sizes()
    assert here["growth"]["key"] == first["key"]
    assert here["growth"]["layers"][-1] == here["growth"]["unpacked"] == 9 * 999
    assert here["layers"][-1]["instruction"].startswith("COPY /built /app.py")
    names = workspace.lab.docker("images", "--quiet", "--filter", f"reference={app}").split()
    workspace.lab.docker("image", "rm", "--force", *dict.fromkeys(names))
    there = sizes()
    assert there.pop("where") == "registry"
    assert here.pop("where") == "engine"
    packed = [here.pop("packed"), there.pop("packed")]
    assert packed[0] == packed[1]
    assert there == here
    assert workspace.lab.docker("images", "--quiet", "--filter", f"reference={app}") == ""
