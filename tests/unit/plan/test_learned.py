"""Times travel with images: what one checkout took, another expects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.build.publish import publish
from layers.build.tags import move_tags
from layers.plan.facts import facts_of
from layers.plan.learned import ACTIONS, TIMES, read, told
from layers.project.history import History, Took, likely
from layers.registry.referrers import INPUTS, notes
from tests.fakes import MemoryRegistry
from tests.unit.machines import APP, HOST, REPOSITORY, World, begin, machine


@pytest.fixture
def registry() -> MemoryRegistry:
    """Everybody's."""
    return MemoryRegistry(HOST)


@pytest.fixture
def checkout(tmp_path: Path, registry: MemoryRegistry) -> Callable[[], World]:
    """Makes checkouts of one repository on machines of their own."""
    count = iter(range(100))
    return lambda: machine(tmp_path / f"machine{next(count)}", registry)


def made(world: World, *times: float) -> World:
    """A checkout that built and published an image, some builds of which took so long."""
    for seconds in times:
        world.project.history.record("app", "build", world.key, seconds, ok=True)
    world.built("one")
    move_tags(world.registry, publish(world.run, [APP]), [])
    return world


def edited(world: World) -> World:
    """A checkout with an edit that nobody built yet."""
    (Path(world.project.root) / "app" / "a").write_text("edited\n")
    run = begin(world.project.under(world.project.lock), world.engine, world.registry)
    return World(run, world.engine, world.registry, world.told)


def expected(world: World) -> float | None:
    """What is expected of the image's build."""
    steps = [step for step in world.run.planner.plan.steps.values() if step.layer == APP]
    return facts_of(world.run, steps)[APP].expected


@pytest.mark.parametrize("tags", [[], ["latest"], ["v1"]])
def test_a_fresh_clone_expects_what_others_took(
    checkout: Callable[[], World], registry: MemoryRegistry, tags: list[str]
) -> None:
    """By ``latest`` or by any key; whole seconds of the last five builds."""
    first = made(checkout(), 900.0, 900.0, 312.4, 300.0, 330.2, 320.0, 310.0)
    move_tags(registry, publish(first.run, [APP]), tags)
    clone = edited(checkout())
    assert round(expected(clone) or 0) == 311
    again = History(clone.project.state.path("history.jsonl"))
    assert again.expected("app", "build") == likely([312, 300, 330, 320, 310])
    assert len({took for took in again.last("app") if took.action == "build"}) == 5


def test_a_time_that_several_images_tell_is_kept_once(checkout: Callable[[], World]) -> None:
    """Each image of a checkout tells those of the images before it."""
    first = made(checkout(), 30.0)
    second = edited(first)
    made(second, 40.0)
    clone = edited(checkout())
    (Path(clone.project.root) / "app" / "a").write_text("edited again\n")
    assert expected(clone) == likely([30, 40])
    path = Path(clone.project.state.path("history.jsonl"))
    told = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(each["seconds"] for each in told if each["action"] == "build") == [30, 40]


def test_what_was_built_here_is_asked_of_nobody(checkout: Callable[[], World]) -> None:
    """Nor does it count what others took."""
    made(checkout(), 300.0)
    clone = edited(checkout())
    clone.project.history.record("app", "build", "", 7.0, ok=True)
    before = len(clone.registry.asked)
    assert expected(clone) == 7.0
    assert {verb for verb, *_ in clone.registry.asked[before:]} == {"head"}
    assert [took.seconds for took in clone.project.history.last("app")] == [7.0]


def test_without_an_engine_nothing_is_learned_and_nothing_fails(
    checkout: Callable[[], World], registry: MemoryRegistry
) -> None:
    """Nor without a registry: whoever only looks sees what this checkout knows."""
    made(checkout(), 300.0)
    clone = edited(checkout())
    clone.engine.down = True
    steps = list(clone.run.planner.look().steps.values())
    assert {fact.expected for fact in facts_of(clone.run, steps).values()} == {None}
    other = edited(checkout())
    registry.down = True
    assert expected(other) is None
    registry.down = False
    again = edited(other)
    registry.trouble = "500"
    assert expected(again) is None


def test_what_was_learned_goes_on_with_the_next_image(checkout: Callable[[], World]) -> None:
    """A machine that is new each time, as a build server is, still knows five builds."""
    for seconds in (100.0, 200.0, 300.0):
        clone = edited(checkout())
        (Path(clone.project.root) / "app" / "a").write_text(f"{seconds}\n")
        expected(clone)
        made(clone, seconds)
    assert expected(edited(checkout())) == likely([100, 200, 300])


def test_the_time_of_the_push_goes_along(checkout: Callable[[], World]) -> None:
    """Although the history has it only afterwards."""
    world = made(checkout(), 9.0)
    (digest,) = {one[2] for one in world.keyed()}
    (found,) = notes(world.registry, REPOSITORY, digest, INPUTS)
    assert {took.action for took in read(found[TIMES], "app")} == {"build", "push"}


def test_what_is_damaged_is_no_time(
    checkout: Callable[[], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clone plans as one that nobody told anything."""
    monkeypatch.setattr("layers.build.push.push.told", lambda *_words: '{"app": {"build": [[')
    made(checkout(), 300.0)
    assert expected(edited(checkout())) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"app":{"build":[[5,12]]}}', [Took("app", "build", 5, 12)]),
        ('{"app:deps":{"push":[[5,0]]}}', [Took("app:deps", "push", 5, 0)]),
        ('{"app":{"build":[[5,12],[6,"7"],[6],[6,-1],[true,7],[6,1e3],[6,10000000],null]}}', []),
        ('{"app":{"build":[[1,1],[2,2],[3,3],[4,4],[5,5],[6,6]]}}', [2, 3, 4, 5, 6]),
        ('{"other":{"build":[[5,12]]},"app2":{"build":[[5,12]]}}', []),
        ('{"app":{"dance":[[5,12]],"build":5},"app:x":7}', []),
        ("", []),
        ("[", []),
        ("[" * 60_000, []),
        ("null", []),
        (None, []),
        (["x"], []),
        (json.dumps({"app": {"build": [[5, 12]]}, "x": "x" * (1 << 16)}), []),
    ],
)
def test_times_are_read_or_left_out(text: object, found: list[object]) -> None:
    """Whoever wrote them; of another image none are taken."""
    told = read(text, "app")
    assert told == found or [took.seconds for took in told] == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda each: st.lists(each) | st.dictionaries(st.sampled_from(["app", *ACTIONS, "x"]), each),
)


@given(JSON | st.text())
def test_no_content_breaks_the_reader(value: object) -> None:
    """All that comes out is a time."""
    text = value if isinstance(value, str) else json.dumps(value)
    assert all(0 <= took.seconds < 1e7 and took.action in ACTIONS for took in read(text, "app"))


def test_what_is_told_is_read_again(checkout: Callable[[], World]) -> None:
    """The image and its stages, whole seconds, and nothing of another image."""
    project = checkout().project
    for layer in ("app", "app:deps", "tool"):
        project.history.record(layer, "build", "", 12.6, ok=True)
    project.history.record("app", "build", "", 99.0, ok=False)
    found = read(told(project, "app", [Took("app", "push", 5, 3.2)]), "app")
    assert [(took.layer, took.action, took.seconds) for took in found] == [
        ("app", "build", 13),
        ("app", "push", 3),
        ("app:deps", "build", 13),
    ]
    assert told(project, "nothing") == ""
