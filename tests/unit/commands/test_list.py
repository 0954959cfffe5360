"""``doit list``: a table that fits the eye, and JSON that has everything."""

from __future__ import annotations

import json
from typing import Any

from hashes.key import Hasher
from layers.commands import list as listing
from layers.graph.graph import Layer
from layers.plan.plan import Step

KEY = Hasher().key()


def step(*reasons: str, name: str = "app", **more: Any) -> Step:
    """A layer that has to be built."""
    return Step(Layer.parse(name), KEY, "build", reasons, "", True, **more)


def lines(*steps: Step) -> list[str]:
    return listing.as_text(steps, color=False).splitlines()


def test_one_reason_is_one_line() -> None:
    """Name, state, reason."""
    assert lines(step("a changed")) == ["app  build  a changed"]


def test_no_reason_is_no_gap() -> None:
    """A layer nobody says anything about still has its row."""
    assert [line.rstrip() for line in lines(step())] == ["app  build"]


def test_three_causes_are_shown_and_the_rest_is_counted() -> None:
    """The parents' rows tell that they are built; the count is of causes alone."""
    reasons = [f"{n} changed" for n in range(44)]
    assert lines(step(*reasons, "base is built first")) == [
        "app  build  0 changed",
        "            1 changed",
        "            2 changed",
        "            and 41 more: doit why app",
    ]


def test_few_causes_leave_room_for_the_parents() -> None:
    """Nothing is left out where it all fits."""
    found = lines(step("a changed", "b changed", "c changed", "base is pulled first"))
    assert [line.strip() for line in found[1:]] == [
        "b changed",
        "c changed",
        "base is pulled first",
    ]


def test_a_cause_is_told_once() -> None:
    """In the table and in JSON."""
    twice = step("a changed", "a changed", "b changed")
    assert len(lines(twice)) == 2
    told = json.loads(listing._as_json([twice]))
    assert told["layers"][0]["reasons"] == ["a changed", "b changed"]


def test_a_problem_is_always_shown_under_its_row() -> None:
    """All its lines, indented alike, however many causes there are."""
    problem = "app: model.pkl is missing\n  Register there,\nand download it."
    found = lines(step(*"abcdef", problem, name="app", problem=problem), step("x", name="longer"))
    assert found == [
        "app     build  a",
        "               b",
        "               c",
        "               and 3 more: doit why app",
        "               app: model.pkl is missing",
        "               Register there,",
        "               and download it.",
        "longer  build  x",
    ]


def test_an_error_is_a_row_like_others() -> None:
    """Its text is the reason, with all its lines; in JSON it has no key."""
    problem = "app/Dockerfile:2: unknown instruction: RUM\n  did you mean RUN?"
    bad = Step(Layer("app"), None, "error", (problem,), "", True, problem=problem)
    assert lines(bad, step("x", name="base")) == [
        "app   error  app/Dockerfile:2: unknown instruction: RUM",
        "             did you mean RUN?",
        "base  build  x",
    ]
    assert json.loads(listing._as_json([bad]))["layers"] == [
        {"name": "app", "state": "error", "reasons": [problem], "key": None, "where": ""}
    ]


def test_json_has_the_promised_fields_and_every_reason() -> None:
    """The contract of ``doit list --json``."""
    reasons = [f"{n} changed" for n in range(44)]
    told = json.loads(listing._as_json([step(*reasons)]))
    assert told == {
        "layers": [
            {"name": "app", "state": "build", "reasons": reasons, "key": str(KEY), "where": ""}
        ]
    }
