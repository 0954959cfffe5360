"""Outlook: what a run will do about each layer, when, and what runs beside what."""

from __future__ import annotations

import os
import shutil
from collections.abc import Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from layers.graph.graph import Layer
from layers.plan.facts import AT_ONCE, Facts, Sum, add_up, facts_of, in_words, works
from layers.plan.plan import Step
from layers.plan.schedule import UNKNOWN, Work, last, schedule
from layers.report.planning import Planned, as_lines, as_table
from layers.runtime.events import Action

if TYPE_CHECKING:
    from layers.plan.session import Session

LONG = 60.0
"""Seconds: a run that will likely take longer begins with its outlook."""


class Outlook(NamedTuple):
    """The rows in the order in which they begin, as far as that is known, and what they come to."""

    rows: tuple[Planned, ...]
    total: Sum
    at_once: int


def outlook(
    steps: Sequence[Step],
    known: Mapping[Layer, Facts],
    owed: Mapping[Layer, Facts],
    at_once: int = AT_ONCE,
) -> Outlook:
    """What a run of ``steps``, which come parents first, does.

    ``owed``: what is here and lacks in the registry since an earlier run; that is pushed at the
    end, one after the other.
    """
    working = [step for step in steps if step.needed and not step.stuck and _works(step, known)]
    todo = works(working, known)
    for layer, fact in owed.items():
        before = tuple(work.layer for work in todo)
        todo.append(Work(layer, fact.expected, before))
    slots = schedule(todo, at_once)
    at = {work.layer: work for work in todo}
    rows = []
    for step in working:
        fact = known[step.layer]
        first = () if step.state == "fresh" else (step.state,)
        does = (*first, *(action for action, _seconds in fact.then))
        rows.append(_row(at[step.layer], slots.get(step.layer, UNKNOWN).begin, does, fact.size, at))
    for layer, fact in owed.items():
        rows.append(_row(at[layer], slots[layer].begin, ("push",), fact.size, at))
    rows.sort(key=lambda row: float("inf") if row.begin is None else row.begin)
    for step in steps:
        if step.stuck or step.state == "error":
            problem = step.stuck or step.problem
            rows.append(Planned(str(step.layer), ("error",), problem=problem))
    return Outlook(tuple(rows), add_up(steps, known, at_once), at_once)


def _works(step: Step, known: Mapping[Layer, Facts]) -> bool:
    return bool(known[step.layer].then) if step.state == "fresh" else step.state != "error"


def _row(
    work: Work,
    begin: float | None,
    does: tuple[str, ...],
    size: int | None,
    others: Mapping[Layer, Work],
) -> Planned:
    after = tuple(str(each) for each in work.after if each in others)
    return Planned(str(work.layer), does, begin, work.seconds, size, after)


def look_ahead(
    run: Session, at_once: int = AT_ONCE, pushing: Container[Layer] = frozenset()
) -> Outlook:
    """What a run does about all that is wanted and all that this needs.

    ``pushing``: what goes to the registry although it is here already.
    """
    wanted = set(run.planner.wanted)
    steps = [s for s in run.planner.look().steps.values() if s.layer in wanted or not s.idle]
    known = facts_of(run, steps)
    late = run.project.state.unpushed()
    owed = {}
    for step in steps:
        if step.state != "fresh" or not step.push:
            continue
        fact, seconds = known[step.layer], run.project.history.expected(str(step.layer), "push")
        if step.layer in pushing:
            known[step.layer] = fact._replace(expected=0.0, then=(("push", seconds),))
        elif f"{step.layer}@{step.key}" in late:
            owed[step.layer] = Facts(size=fact.size, expected=seconds)
    return outlook(steps, known, owed, at_once)


def anew(run: Session, images: Sequence[str], below: Mapping[str, Container[str]]) -> Outlook:
    """What it comes to when ``images`` are built anew, whatever is there, one after the other.

    They come parents first, each with the stages that it keeps; ``below``: what each is made from.
    """
    spec, history = run.project.spec, run.project.history

    def parts(image: str) -> list[Layer]:
        return [*(Layer(image, stage) for stage in spec.images[image].push_stages), Layer(image)]

    def expected(image: str, action: Action) -> list[float | None]:
        return [history.expected(str(layer), action) for layer in parts(image)]

    strange = [image for image in images if None in expected(image, "build")]
    if strange:
        from layers.plan.learned import learn

        learn(run, strange)
    todo, unknown = [], 0
    for image in images:
        builds = expected(image, "build")
        pushes = expected(image, "push") if run.planner.pushes(Layer(image)) else []
        times = [*builds, *pushes]
        known = sum(each for each in times if each is not None)
        after = tuple(Layer(each) for each in images if each in below[image])
        todo.append(Work(Layer(image), None if None in times else known, after, known))
        unknown += None in builds
    slots, at = schedule(todo, 1), {work.layer: work for work in todo}
    rows = []
    for layer, work in at.items():
        does = ("build", "push") if run.planner.pushes(layer) else ("build",)
        rows.append(_row(work, slots[layer].begin, does, None, at))
    seconds = last(schedule([each._replace(seconds=each.known) for each in todo], 1).values())
    total = Sum(build=len(rows), seconds=seconds if unknown < len(rows) else None, unknown=unknown)
    return Outlook(tuple(rows), total, 1)


def tell_long(
    run: Session,
    stream: TextIO,
    at_once: int = AT_ONCE,
    pushing: Container[Layer] = frozenset(),
) -> None:
    """Write the outlook of a run that will likely take longer than a minute, and no other."""
    tell_if_long(look_ahead(run, at_once, pushing), stream)


def tell_if_long(found: Outlook, stream: TextIO) -> None:
    """Write an outlook of more than a minute."""
    ends = [row.begin + (row.seconds or 0.0) for row in found.rows if row.begin is not None]
    if max([found.total.seconds or 0.0, *ends]) > LONG:
        stream.write(f"{as_text(found, stream)}\n")
        stream.flush()


def as_text(found: Outlook, stream: TextIO) -> str:
    """For people: a table on a terminal, else a line a layer; the sum below."""
    summary = in_words(found.total)
    if not stream.isatty():
        return as_lines(found.rows, summary)
    width = shutil.get_terminal_size().columns
    color = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    utf = (stream.encoding or "").lower().startswith("utf")
    return as_table(found.rows, summary, width=width, color=color, utf=utf)


def as_json(found: Outlook) -> dict[str, Any]:
    """One object for programs."""
    layers = [
        {
            "name": row.name,
            "does": list(row.does),
            "begin": row.begin,
            "seconds": row.seconds,
            "bytes": row.size,
            "after": list(row.after),
            "problem": row.problem or None,
        }
        for row in found.rows
    ]
    return {"layers": layers, "at_once": found.at_once, "sum": found.total._asdict()}
