"""What ``doit why`` says beside the changes: which way an image goes, and the reason."""

from __future__ import annotations

import json

from hashes.change import Change
from layers.commands.why import as_json, as_text
from layers.graph.causes import Cause
from layers.graph.graph import Layer
from layers.plan.explain import Explanation
from layers.plan.plan import Step

APP = Layer("app")
EDIT = Change("file", "app.py", "644 a", "644 b", file="app/app.py")
FOUND = Explanation(APP, "xxh3-1", "xxh3-2", (Cause("app", EDIT),))
UPON = "upon its steps up to RUN in line 4, after which nothing has to run"
STEP = Step(APP, None, "assemble", (EDIT.text(), UPON), "", True)


def test_the_way_comes_last_with_its_own_reasons() -> None:
    """What changed is told once."""
    assert as_text(FOUND, STEP) == f"{as_text(FOUND)}  assemble: {UPON}\n"
    assert json.loads(as_json(FOUND, STEP))["way"] == {"state": "assemble", "reasons": [UPON]}


def test_nothing_is_said_where_nobody_asked_for_it() -> None:
    assert json.loads(as_json(FOUND))["way"] is None
    assert as_text(FOUND) == "app: xxh3-1 → xxh3-2\n  app/app.py changed\n"
