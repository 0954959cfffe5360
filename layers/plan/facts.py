"""Facts: what a listing tells of a step beside its state, all of it known by the way."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, get_args

from hashes.nothing import NOTHING
from layers.graph.graph import Layer
from layers.plan.plan import Step, StepState
from layers.report.listing import summed
from layers.runtime.events import Action

if TYPE_CHECKING:
    from layers.plan.schedule import Work
    from layers.plan.session import Session

AT_ONCE = 4
"""Layers that a run has at work side by side, unless it is told another number."""
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)")
_EARLIEST = 315532800.0
"""1980: what says that it is older was given a time that means nothing."""
SAID = "SOURCE_DATE_EPOCH"
"""The build arg under which an image says another time than that of its making."""


class Facts(NamedTuple):
    """Nothing here was asked for: where nobody told, it is None or empty."""

    parents: tuple[Layer, ...] = ()
    """Layers that a build of it starts from, nearest first."""
    size: int | None = None
    """Bytes: of an image in the engine as that counts, of one in the registry as it is sent."""
    created: float | None = None
    """When it was made, in Unix seconds."""
    expected: float | None = None
    """Seconds that what is to be done took before."""
    blobs: Mapping[str, int] = NOTHING
    """Bytes of each part of what is to be pulled, by digest."""
    then: tuple[tuple[Action, float | None], ...] = ()
    """What the same task does after that, such as a push, and how many seconds it took before."""


def facts_of(run: Session, steps: Iterable[Step]) -> dict[Layer, Facts]:
    """What is known of each step's layer, by layer.

    How long builds take that this checkout never made, the registry is asked; nothing else is.
    """
    steps = list(steps)
    if strange := [step for step in steps if _never_made(run, step)]:
        from layers.plan.learned import learn

        learn(run, (step.layer.image for step in strange))
    return {step.layer: facts(run, step) for step in steps}


def _never_made(run: Session, step: Step) -> bool:
    """Whether a step makes what this checkout knows no time of."""
    if step.state not in ("build", "assemble") or not step.needed or step.stuck:
        return False
    return run.project.history.expected(str(step.layer), step.state) is None


def facts(run: Session, step: Step) -> Facts:
    """What the engine, the registry and this checkout's history have told of a step's layer."""
    node = run.planner.nodes.get(step.layer)
    parents = node.parents if node is not None else ()
    if step.state == "fresh":
        held = run.planner.seen.held.get(step.layer)
        size = held.size or None if held is not None else None
        told = held.created if held is not None else ""
        return Facts(parents, size, _made(run, step, told))
    if step.state == "error" or not step.needed:
        return Facts(parents)

    def expected(action: Action) -> float | None:
        return run.project.history.expected(str(step.layer), action)

    then = tuple((action, expected(action)) for action in _then(run, step))
    if step.state in ("build", "assemble"):
        return Facts(parents, expected=expected(step.state), then=then)
    blobs = run.planner.seen.blobs.get(step.layer, {})
    return Facts(parents, sum(blobs.values()) or None, None, expected("pull"), blobs, then)


def _then(run: Session, step: Step) -> Sequence[Action]:
    """What follows when a layer is made: what the engine built is pushed, what was made in the
    registry is pulled where it is wanted here.
    """
    if step.state == "assemble" and (not step.push or step.layer in run.planner.seen.current):
        return ()  # an engine with an earlier image of it has what it stands on
    if step.state == "assemble" or step.builder:
        return ("pull",) if step.here else ()
    return ("push",) if step.state == "build" and step.push and step.names.remote else ()


def _made(run: Session, step: Step, told: str) -> float | None:
    """When an image was made: as it says, or as this checkout remembers if it says another time."""
    if SAID in run.project.spec.images[step.layer.image].args:
        return run.project.history.made(str(step.layer), str(step.key))
    return unix_time(told)


def unix_time(text: str) -> float | None:
    """Unix seconds of a moment in RFC 3339, UTC; None: it is none, or before 1980."""
    found = _TIME.match(text)
    if found is None:
        return None
    seconds = float(calendar.timegm(tuple(map(int, found.groups()))))
    return seconds if seconds >= _EARLIEST else None


class Sum(NamedTuple):
    """What a run of some steps comes to."""

    build: int = 0
    pull: int = 0
    fresh: int = 0
    assemble: int = 0
    error: int = 0
    """What nobody can make, or tell the key of."""
    seconds: float | None = None
    """Until the run is through, pushes included; None: the time of no build is known."""
    unknown: int = 0
    """Builds that nobody has seen yet: ``seconds`` is without them."""
    bytes: int | None = None
    """At most so many are pulled; None: not known."""


def add_up(steps: Iterable[Step], known: Mapping[Layer, Facts], at_once: int = AT_ONCE) -> Sum:
    """The sum of steps, which come parents first; ``at_once`` layers are at work side by side."""
    counts = dict.fromkeys(get_args(StepState), 0)
    working: list[Step] = []
    blobs: dict[str, int] = {}
    pulls_known = True
    builds: list[float | None] = []
    for step in steps:
        fact = known[step.layer]
        state = "error" if step.stuck else step.state
        counts[state] += 1
        if state in ("fresh", "error"):
            continue
        working.append(step)
        if state == "build":
            builds.append(fact.expected)
        elif state == "pull":
            blobs |= fact.blobs
            pulls_known &= bool(fact.blobs)
    unknown = builds.count(None)
    seconds = None
    if len(builds) > unknown:
        from layers.plan.schedule import last, schedule

        guessed = [work._replace(seconds=work.known) for work in works(working, known)]
        seconds = last(schedule(guessed, at_once).values())
    return Sum(
        **counts,
        seconds=seconds,
        unknown=unknown,
        bytes=sum(blobs.values()) if counts["pull"] and pulls_known else None,
    )


def works(steps: Iterable[Step], known: Mapping[Layer, Facts]) -> list[Work]:
    """What a run has to do about each of ``steps``; only a build waits for what it starts from."""
    from layers.plan.schedule import Work

    found = []
    for step in steps:
        fact = known[step.layer]
        times = [fact.expected, *(seconds for _action, seconds in fact.then)]
        sure = [each for each in times if each is not None]
        seconds = sum(sure) if len(sure) == len(times) else None
        after = fact.parents if step.state == "build" else ()
        found.append(Work(step.layer, seconds, after, sum(sure)))
    return found


def in_words(total: Sum) -> str:
    """The sum as one line."""
    return summed(
        build=total.build,
        pull=total.pull,
        assemble=total.assemble,
        fresh=total.fresh,
        error=total.error,
        seconds=total.seconds,
        unknown=total.unknown,
        size=total.bytes,
    )
