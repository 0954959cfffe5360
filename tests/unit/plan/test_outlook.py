"""The outlook: what a run does, when, and in which order, from a plan and what is known of it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from hashes.key import Hasher
from layers.graph.graph import Layer
from layers.plan.facts import Facts, add_up, in_words
from layers.plan.names import Names
from layers.plan.outlook import anew, as_json, as_text, look_ahead, outlook, tell_if_long, tell_long
from layers.plan.plan import Step
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, HOST, machine

KEY = Hasher().key()
BASE, DEPS, MAIN, TOOL = map(Layer.parse, ("base", "app:deps", "app", "tool"))


def step(layer: Layer, state: str, **more: Any) -> Step:
    names = Names("k", "p", "r")
    return Step(layer, KEY, state, (), "", True, names=names, **more)  # type: ignore[arg-type]


STEPS = [
    step(BASE, "pull"),
    step(DEPS, "build", push=True),
    step(MAIN, "build", push=True),
    step(TOOL, "build"),
]
KNOWN = {
    BASE: Facts(size=11, expected=30.0, blobs={"a": 5, "b": 6}),
    DEPS: Facts((BASE,), expected=100.0, then=(("push", None),)),
    MAIN: Facts((DEPS, BASE), expected=20.0, then=(("push", 4.0),)),
    TOOL: Facts((BASE,), expected=90.0),
}


def test_rows_stand_in_the_order_in_which_they_begin() -> None:
    """A push belongs to its layer; where its time is unknown, what comes after has no begin."""
    found = outlook(STEPS, KNOWN, {})
    assert [(row.name, row.does, row.begin, row.seconds, row.after) for row in found.rows] == [
        ("base", ("pull",), 0.0, 30.0, ()),
        ("app:deps", ("build", "push"), 30.0, None, ("base",)),
        ("tool", ("build",), 30.0, 90.0, ("base",)),
        ("app", ("build", "push"), None, 24.0, ("app:deps", "base")),
    ]


def test_the_sum_is_that_of_the_list() -> None:
    """The same value in the same words, whatever else is shown."""
    found = outlook(STEPS, KNOWN, {})
    assert found.total == add_up(STEPS, KNOWN)
    last = as_text(found, io.StringIO()).splitlines()[-1]
    assert last == in_words(found.total) == "3 to build (≈ 3 min), 1 to pull (up to 11 B)"


def test_what_an_earlier_run_owes_is_pushed_at_the_end() -> None:
    """One after the other, as the run does it."""
    found = outlook(
        [step(TOOL, "build"), step(BASE, "fresh"), step(APP, "fresh")],
        {TOOL: Facts(expected=9.0), BASE: Facts(), APP: Facts()},
        {BASE: Facts(size=7, expected=2.0), APP: Facts(size=8, expected=2.0)},
    )
    told = [(row.name, row.does, row.begin, row.size) for row in found.rows]
    assert told == [
        ("tool", ("build",), 0.0, None),
        ("base", ("push",), 9.0, 7),
        ("app", ("push",), 11.0, 8),
    ]


def test_what_cannot_be_made_is_told_last() -> None:
    """With its whole reason."""
    stuck = step(MAIN, "build", stuck="no model\n  download it", problem="no model")
    found = outlook([stuck, step(TOOL, "build")], {MAIN: Facts(), TOOL: Facts(expected=1.0)}, {})
    assert as_text(found, io.StringIO()).splitlines() == [
        "tool\tbuild\tnow\t1 s\t-\t-",
        "app \terror\t-  \t-  \t-\t-",
        "  no model",
        "  download it",
        "",
        "1 to build (≈ 1 s), 1 that cannot be made",
    ]


def test_json_has_the_promised_fields() -> None:
    """The contract of ``doit plan --json``."""
    found = json.loads(json.dumps(as_json(outlook(STEPS, KNOWN, {}, 2))))
    assert found["at_once"] == 2
    assert found["layers"][1] == {
        "name": "app:deps",
        "does": ["build", "push"],
        "begin": 30.0,
        "seconds": None,
        "bytes": None,
        "after": ["base"],
        "problem": None,
    }
    counts = {"build": 3, "pull": 1, "assemble": 0, "fresh": 0, "error": 0}
    assert found["sum"] == counts | {"seconds": 154.0, "unknown": 0, "bytes": 11}


def test_only_a_run_of_more_than_a_minute_begins_with_it(tmp_path: Path) -> None:
    """By this checkout's history; what nobody knows the time of is not expected to be long."""
    world = machine(tmp_path, MemoryRegistry(HOST))
    shown = io.StringIO()
    tell_long(world.run, shown)
    assert shown.getvalue() == ""
    world.project.history.record("app", "build", "", 59.0, ok=True)
    world.project.history.record("app", "push", "", 0.9, ok=True)
    tell_long(world.run, shown)
    assert shown.getvalue() == ""
    world.project.history.record("tool", "build", "", 61.0, ok=True)
    tell_long(world.run, shown)
    lines = shown.getvalue().splitlines()
    assert [line.split("\t")[0].strip() for line in lines[:3]] == ["app", "tool", "local"]
    assert lines[-2:] == ["3 to build (≈ 1 min, 1 never built here)", ""]


def test_what_is_published_is_pushed_from_the_beginning(tmp_path: Path) -> None:
    """Though it is here already; what an ordinary run would leave alone."""
    world = machine(tmp_path, MemoryRegistry(HOST))
    world.built("one")
    assert "app" not in {row.name for row in look_ahead(world.run).rows}
    world.project.history.record("app", "push", "", 70.0, ok=True)
    (row,) = (row for row in look_ahead(world.run, 4, {APP}).rows if row.name == "app")
    assert (row.does, row.begin, row.seconds) == (("push",), 0.0, 70.0)
    shown = io.StringIO()
    tell_long(world.run, shown, 4, {APP})
    assert "app" in shown.getvalue()


def test_what_is_built_anew_is_told_one_after_the_other(tmp_path: Path) -> None:
    """Whatever is there, with the pushes, as a refresh does it."""
    world = machine(tmp_path, MemoryRegistry(HOST))
    world.built("one")
    for action, seconds in (("build", 50.0), ("push", 20.0)):
        world.project.history.record("app", action, "", seconds, ok=True)
    world.project.history.record("local", "build", "", 30.0, ok=True)
    found = anew(world.run, ["local", "app"], {"local": (), "app": {"local"}})
    assert [(row.name, row.does, row.begin, row.seconds, row.after) for row in found.rows] == [
        ("local", ("build",), 0.0, 30.0, ()),
        ("app", ("build", "push"), 30.0, 70.0, ("local",)),
    ]
    assert (found.total.build, found.total.seconds, found.at_once) == (2, 100.0, 1)


def test_what_is_built_anew_and_was_never_seen_has_no_time(tmp_path: Path) -> None:
    """Nor has what comes after it."""
    world = machine(tmp_path, MemoryRegistry(HOST))
    told = anew(world.run, ["tool", "app"], {"tool": (), "app": ()})
    assert [(row.begin, row.seconds) for row in told.rows] == [(0.0, None), (None, None)]
    assert (told.total.build, told.total.seconds, told.total.unknown) == (2, None, 2)
    shown = io.StringIO()
    tell_if_long(told, shown)
    assert shown.getvalue() == ""
