"""Local images: what the engine has of a layer, what it fetches, and under which names."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from layers.engine.engine import LocalImage
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.plan.presence import TagMoved
from layers.plan.session import Session
from layers.runtime.events import Action, Finished, Started, Transfer

T = TypeVar("T")


def find(run: Session, step: Step) -> LocalImage | None:
    """The image of that key in the engine."""
    name = step.names.keyed
    held = run.backends.engine.find([name]).get(name)
    return held if held is not None and held.labels.get(LABEL_KEY) == str(step.key) else None


def name(run: Session, step: Step, held: LocalImage) -> None:
    """Point the layer's names at an image, and note that the engine has it."""
    names = step.names
    for each in dict.fromkeys((names.keyed, names.plain)):
        if each not in held.names:
            run.backends.engine.tag(str(held.id), each)
    run.planner.holds(step.layer, held.id)
    remember(run, step)


def remember(run: Session, step: Step) -> None:
    """Keep what is behind a key that is true now, wherever its image is."""
    inputs = run.project.inputs.image(step.layer.image)
    assert step.key is not None  # what has no key is never made
    run.project.records.remember(step.key, inputs.record(step.layer.stage))


def fetch(run: Session, step: Step, reference: str) -> LocalImage:
    """Pull ``reference`` and make sure that it was made from the step's key.

    Raises TagMoved when the image names another key than its tag.
    """
    layer = str(step.layer)
    held = run.backends.engine.pull(
        reference, lambda done, total: run.tell(Transfer(layer, done, total))
    )
    found = held.labels.get(LABEL_KEY)
    if found != str(step.key):
        raise other_key(layer, reference, found, str(step.key))
    return held


def other_key(layer: str, reference: str, found: str | None, key: str) -> TagMoved:
    """The error for an image whose label names another key than its tag, or none."""
    return TagMoved(
        f"{layer}: {reference} was made from {found or 'no key of ours'}, not from {key}",
        hint="someone pushed over a keyed tag; delete that tag in the registry and run again",
    )


def timed(run: Session, step: Step, action: Action, work: Callable[[], T]) -> T:
    """Do some work on a layer, and tell when it begins and ends."""
    layer = str(step.layer)
    expected = run.project.history.expected(layer, action)
    reason = "; ".join((*step.reasons[:2], *("…" for _ in step.reasons[2:3])))
    reason = "" if action == "push" else reason
    run.tell(Started(layer, action, reason, expected))
    start = time.monotonic()
    ok = False
    try:
        done = work()
        ok = True
        return done
    finally:
        seconds = time.monotonic() - start
        run.project.history.record(layer, action, str(step.key), seconds, ok)
        run.tell(Finished(layer, action, ok, seconds))
