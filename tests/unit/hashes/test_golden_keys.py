"""Keys that stay: those of the releases before are in registries, and builds find them there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hashes.dockerfile.frontend import NEWEST, Frontend
from tests.unit.memory import stages

CASES = json.loads((Path(__file__).parents[2] / "data" / "keys.json").read_text())
FILES = {"a.txt": "1", "dir/d.txt": "2", "sub/b.txt": "3", "dird.txt": "4"}


@pytest.mark.parametrize("frontend", [Frontend((1, 7)), Frontend((1, 19)), NEWEST], ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_key_is_what_it_was(case: Any, frontend: Frontend) -> None:
    """Whatever reads the file, and though it was BuildKit's own parser when these were made."""
    raw = "\n".join(case["text"]).encode("utf-8", "surrogateescape")
    found = stages(raw, case.get("args"), files=FILES, frontend=frontend)
    assert [str(layer.key) for layer in found.values()] == case["keys"]
