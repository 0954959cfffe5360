"""``doit list``: what it makes of a plan, for people and as JSON."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from hashes.key import Hasher
from layers.commands import list as listing
from layers.graph.graph import Layer
from layers.plan.facts import Facts
from layers.plan.plan import Step
from tests.terminal import on_a_terminal

KEY = Hasher().key()


def step(*reasons: str, name: str = "app", **more: Any) -> Step:
    """A layer that has to be built."""
    return Step(Layer.parse(name), KEY, "build", reasons, "", True, **more)


def lines(*steps: Step, **facts: Facts) -> list[list[str]]:
    """What a pipe gets of some steps: rows as cells, the sum last."""
    known = {each.layer: facts.get(each.layer.image, Facts()) for each in steps}
    text = listing.to_text(steps, known, io.StringIO())
    return [[cell.strip() for cell in line.split("\t")] for line in text.splitlines()]


def test_the_first_reason_is_told_and_the_rest_counted() -> None:
    """Each reason once."""
    found = lines(step("a changed", "a changed", "b changed", "base is built first"))
    assert found[0] == ["app", "build", "-", "-", "-", "?", "a changed +2 more"]


def test_what_the_state_says_already_is_not_said_again() -> None:
    """A layer that the registry has is told by what changed in it."""
    pull = Step(
        Layer("app"), KEY, "pull", ("the registry has this key", "x changed"), "registry", True
    )
    fresh = Step(Layer("base"), KEY, "fresh", ("the engine has this key",), "engine", True)
    found = lines(fresh, pull)
    assert [row[-1] for row in found[:2]] == ["-", "x changed"]
    assert [row[2] for row in found[:2]] == ["engine", "registry"]


def test_a_problem_is_shown_whole_under_its_row() -> None:
    """All its lines, indented alike; it is no reason to count."""
    problem = "app: model.pkl is missing\n  Register there,\nand download it."
    found = lines(step("a", "b", problem, problem=problem, stuck=problem))
    assert [row[-1] for row in found[:4]] == [
        "a +1 more",
        "app: model.pkl is missing",
        "Register there,",
        "and download it.",
    ]
    assert found[-1] == ["1 that cannot be made"]


def test_an_error_is_a_row_like_others() -> None:
    """Its text is the reason, with all its lines; in JSON it has no key."""
    problem = "app/Dockerfile:2: unknown instruction: RUM\n  did you mean RUN?"
    bad = Step(Layer("app"), None, "error", (problem,), "", True, problem=problem)
    found = lines(bad, step("x", name="base"))
    assert found[0] == ["app", "error", *"----", problem.splitlines()[0]]
    assert found[1] == ["did you mean RUN?"]
    assert found[-1] == ["1 to build (never built here), 1 that cannot be made"]
    told = json.loads(listing.to_json([bad], {bad.layer: Facts()}))["layers"]
    old = {"name": "app", "state": "error", "reasons": [problem], "key": None, "where": ""}
    assert [{name: each[name] for name in old} for each in told] == [old]


def test_json_has_the_promised_fields_and_every_reason() -> None:
    """The contract of ``doit list --json``: what it had ever, and what people see."""
    reasons = [f"{n} changed" for n in range(44)]
    found = step(*reasons)
    facts = Facts((Layer("base"),), expected=90.0)
    told = json.loads(listing.to_json([found], {found.layer: facts}))
    old = {"name": "app", "state": "build", "reasons": reasons, "key": str(KEY), "where": ""}
    new = {"parents": ["base"], "size": None, "created": None, "expected": 90.0}
    counts = {"build": 1, "pull": 0, "assemble": 0, "fresh": 0, "error": 0}
    total = {**counts, "seconds": 90.0, "unknown": 0, "bytes": None}
    assert told == {"layers": [old | new], "sum": total}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two images, one on the other, and no engine."""
    (tmp_path / "images.toml").write_text(
        'version = 1\n[project]\nname = "shop"\n[images.base]\ncontext = "base"\n'
        '[images.api]\ncontext = "api"\n'
    )
    for name, text in (("base", "FROM scratch\n"), ("api", "FROM base\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text(text)
    (tmp_path / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    return tmp_path


def listed(root: Path, **environment: str) -> str:
    """What ``doit list`` writes to a terminal."""
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TERM", "COLUMNS")}
    clean |= {"DOCKER_HOST": "unix:///nowhere", "PYTHONIOENCODING": "utf-8"}
    return on_a_terminal([sys.executable, "-m", "doit", "list"], root, clean | environment)


def test_on_a_terminal_it_is_a_tree_in_colour(shop: Path) -> None:
    """State by word and colour; the sum below."""
    found = listed(shop, TERM="xterm", COLUMNS="80")
    assert "├" not in found
    assert "\nbase    \x1b[33mbuild\x1b[0m  " in found
    assert "\n└─ api  \x1b[33mbuild\x1b[0m  " in found
    assert found.endswith("\n\n2 to build (never built here)\n")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_colour_can_be_left_out(shop: Path, environment: dict[str, str]) -> None:
    """By NO_COLOR (no-color.org), or by a terminal that has none."""
    assert "\x1b" not in listed(shop, COLUMNS="80", **environment)
