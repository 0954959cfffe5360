"""The schedule: what is told of when things run holds, whatever is not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from layers.graph.graph import Layer
from layers.plan.schedule import Slot, Work, last, schedule

A, B, C, D, E, F = map(Layer, "abcdef")

Times = st.integers(1, 9).map(float)
Scheduler = Callable[[Sequence[Work], int], Mapping[Layer, Slot]]


@st.composite
def works(draw: st.DrawFn) -> list[Work]:
    """Work of any shape, parents first; some of it of unknown time."""
    found: list[Work] = []
    for n in range(draw(st.integers(0, 8))):
        before = [work.layer for work in found]
        after = draw(st.lists(st.sampled_from(before), max_size=3)) if before else []
        found.append(Work(Layer(f"l{n}"), draw(st.none() | Times), tuple(dict.fromkeys(after))))
    return found


@st.composite
def filled(draw: st.DrawFn) -> tuple[list[Work], list[Work], int]:
    """Work, the same with a time wherever none was known, and how many run side by side."""
    found = draw(works())
    known = [w if w.seconds is not None else w._replace(seconds=draw(Times)) for w in found]
    return found, known, draw(st.integers(1, 4))


def moved(case: tuple[list[Work], list[Work], int], scheduler: Scheduler) -> list[Layer]:
    """What was told to begin at another time than it does once all times are known."""
    found, known, at_once = case
    told, true = scheduler(found, at_once), schedule(known, at_once)
    return [
        layer
        for layer, slot in told.items()
        if slot.begin is not None and slot.begin != true[layer].begin
    ]


@settings(deadline=None, max_examples=400)
@given(filled())
def test_no_begin_that_is_told_depends_on_an_unknown_time(
    case: tuple[list[Work], list[Work], int],
) -> None:
    """Neither by what it waits for nor by who has a place before it."""
    assert moved(case, schedule) == []


def guessed(works: Sequence[Work], at_once: int) -> Mapping[Layer, Slot]:
    """A broken twin: what nobody knows takes no time."""
    return schedule(
        [w if w.seconds is not None else w._replace(seconds=0.0) for w in works], at_once
    )


def careless(works: Sequence[Work], _at_once: int) -> Mapping[Layer, Slot]:
    """Another one: it sees what work waits for, and not who has a place before it."""
    return schedule(works, len(works))


@pytest.mark.parametrize("twin", [guessed, careless])
def test_the_law_sees_a_schedule_that_guesses(twin: Scheduler) -> None:
    """It can fail."""
    assert find(filled(), lambda case: bool(moved(case, twin)), settings=settings(deadline=None))


@settings(deadline=None)
@given(works(), st.integers(1, 4))
def test_nothing_begins_before_its_parents_and_no_place_is_used_twice(
    found: list[Work], at_once: int
) -> None:
    """Where all is known, all is told, and a place that is free is used at once."""
    known = [work._replace(seconds=work.seconds or 1.0) for work in found]
    slots = schedule(known, at_once)
    times = {layer: (s.begin, s.end) for layer, s in slots.items() if None not in s}
    assert set(times) == {work.layer for work in known}
    for work in known:
        begin = slots[work.layer].begin or 0.0
        ready = max((slots[each].end or 0.0 for each in work.after), default=0.0)
        assert begin >= ready
        at_work = [each for each, s in slots.items() if (s.begin or 0) <= begin < (s.end or 0)]
        assert len(at_work) <= at_once
        if begin > ready:
            before = [s for s in slots.values() if (s.begin or 0.0) < begin <= (s.end or 0.0)]
            assert len(before) == at_once


@pytest.mark.parametrize(
    ("found", "begins"),
    [
        ([Work(A, 5.0), Work(B, 7.0), Work(C, 1.0, (A, B))], [0.0, 0.0, 7.0]),
        ([Work(A, None), Work(B, 7.0), Work(C, 1.0, (A,)), Work(D, 1.0, (B,))], [0, 0, None, 7.0]),
        # the fifth waits for the first that ends: that may be the unknown one
        ([Work(A, None), *(Work(x, 2.0) for x in (B, C, D, E))], [0, 0, 0, 0, None]),
        ([*(Work(x, float(n + 1)) for n, x in enumerate((A, B, C, D, E)))], [0, 0, 0, 0, 1.0]),
        # a place is free for what waits for B, whatever A and its child do
        ([Work(A, None), Work(B, 1.0), Work(C, 2.0, (A,)), Work(F, 1.0, (B,))], [0, 0, None, 1.0]),
        ([Work(A, 1.0, (F,))], [0.0]),
    ],
)
def test_when_work_begins(found: list[Work], begins: list[float | None]) -> None:
    """At most four at once; what is not in the schedule is there already."""
    assert [schedule(found, 4)[work.layer].begin for work in found] == begins


def test_the_end_is_known_where_all_ends_are() -> None:
    """Nobody is told half a sum."""
    assert last([Slot(0.0, 4.0), Slot(0.0, 2.0)]) == 4.0
    assert last([Slot(0.0, 4.0), Slot(0.0, None)]) is None
    assert last([]) is None
