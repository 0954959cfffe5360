"""Facts: what a listing tells of a step beside its state, all of it known by the way."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple, get_args

from hashes.nothing import NOTHING
from layers.graph.graph import Layer
from layers.plan.plan import Step, StepState

if TYPE_CHECKING:
    from layers.plan.session import Session

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
    expected = run.project.history.expected(str(step.layer), step.state)
    if step.state == "build":
        return Facts(parents, expected=expected)
    blobs = run.planner.seen.blobs.get(step.layer, {})
    return Facts(parents, sum(blobs.values()) or None, None, expected, blobs)


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
    """Until all that is built is there, pulls that builds wait for included; None: not known."""
    unknown: int = 0
    """Builds that nobody has seen yet: ``seconds`` is without them."""
    bytes: int | None = None
    """At most so many are pulled; None: not known."""


def add_up(steps: Iterable[Step], known: Mapping[Layer, Facts]) -> Sum:
    """The sum: seconds along the longest way, as a run has several layers at work at once."""
    counts = dict.fromkeys(get_args(StepState), 0)
    ready: dict[Layer, float] = {}
    blobs: dict[str, int] = {}
    pulls_known = True
    builds: list[float | None] = []
    for step in steps:  # parents first
        fact = known[step.layer]
        state = "error" if step.stuck else step.state
        counts[state] += 1
        if state not in ("build", "pull"):
            continue
        begin = max((ready.get(parent, 0.0) for parent in fact.parents), default=0.0)
        ready[step.layer] = begin + (fact.expected or 0.0)
        if state == "build":
            builds.append(fact.expected)
        else:
            blobs |= fact.blobs
            pulls_known &= bool(fact.blobs)
    unknown = builds.count(None)
    return Sum(
        **counts,
        seconds=max(ready.values()) if len(builds) > unknown else None,
        unknown=unknown,
        bytes=sum(blobs.values()) if counts["pull"] and pulls_known else None,
    )
