"""Carrying out: makes one layer true, as its step of the plan says."""

from __future__ import annotations

import time
from collections.abc import Callable

from hashes.errors import LayersError
from layers import build
from layers.digest import Digest
from layers.engine import EngineError, LocalImage
from layers.events import Action, Finished, Started, Transfer, Warned
from layers.explain import why
from layers.graph import Layer
from layers.names import LABEL_KEY
from layers.plan import Step
from layers.project import Project
from layers.registry import RegistryError


class TagMoved(LayersError):
    """A keyed tag in the registry holds something that was not made from that key."""


class InputsMoved(LayersError):
    """A file changed between the moment when it was hashed and the end of the build."""


def carry_out(project: Project, step: Step) -> None:
    """Do what ``step`` says; safe against other processes that do the same.

    Raises LayersError of several kinds; then tags, lock and state are as they were.
    """
    with project.state.lock(f"{step.layer}@{step.key}"):
        held = _find(project, step)
        if held is None and step.state == "pull":
            held = _timed(project, step, "pull", lambda: _pull(project, step))
        if held is None:
            held = _timed(project, step, "build", lambda: _build(project, step))
        _name(project, step, held)


def push(project: Project, step: Step) -> None:
    """See to it that the registry holds the layer under its key; never overwrites.

    A registry that fails costs a warning: the work is here, and the next run pushes again.
    """
    names = project.names(step.layer, step.key)
    if names.remote is None or not project.pushes(step.layer):
        return
    mark = f"{step.layer}@{step.key}"
    try:
        with project.state.lock(f"push-{mark}"):
            _push(project, step, names.remote)
        project.state.mark_unpushed(mark, owed=False)
    except (RegistryError, EngineError) as error:
        project.state.mark_unpushed(mark, owed=True)
        project.tell(Warned(f"not pushed, the next run tries again: {error}", str(step.layer)))


def _find(project: Project, step: Step) -> LocalImage | None:
    name = project.names(step.layer, step.key).keyed
    held = project.engine.find([name]).get(name)
    return held if held is not None and held.labels.get(LABEL_KEY) == str(step.key) else None


def _name(project: Project, step: Step, held: LocalImage) -> None:
    names = project.names(step.layer, step.key)
    for name in (names.keyed, names.plain):
        if name not in held.names:
            project.engine.tag(str(held.digest), name)
    project.holds(step.layer, held.digest)
    inputs = project.inputs.image(step.layer.image)
    project.state.remember(step.key, inputs.record(step.layer.stage))


def _pull(project: Project, step: Step) -> LocalImage:
    remote = project.names(step.layer, step.key).remote
    digest = project.presence.registry[step.layer]
    return fetch(project, step, f"{remote}@{digest}")


def fetch(project: Project, step: Step, reference: str) -> LocalImage:
    """Pull ``reference`` and make sure that it was made from the step's key.

    Raises TagMoved when the image names another key than its tag.
    """
    layer = str(step.layer)
    held = project.engine.pull(
        reference, lambda done, total: project.tell(Transfer(layer, done, total))
    )
    found = held.labels.get(LABEL_KEY)
    if found != str(step.key):
        raise TagMoved(
            f"{layer}: {reference} was made from {found or 'no key of ours'}, not from {step.key}",
            hint="someone pushed over a keyed tag; delete that tag in the registry and run again",
        )
    return held


def _build(project: Project, step: Step) -> LocalImage:
    inputs = project.inputs.image(step.layer.image)
    for name in inputs.manifest(step.layer.stage).unpinned:
        project.tell(Warned(f"{name} is unpinned; `doit lock` pins it", str(step.layer)))
    parents = build.Parents(project)
    with build.prepared(project, step, parents) as call:
        digest = build.run(project, step, call)
    parents.check()
    try:
        fresh = project.inputs.reread(step.layer.image)
    except LayersError as error:
        raise _moved(step, str(error)) from error
    if inputs.manifest(step.layer.stage).key() != fresh.manifest(step.layer.stage).key():
        found = why(inputs.record(step.layer.stage), fresh.record(step.layer.stage))
        moved = "; ".join(change.text() for change in found[:5])
        raise _moved(step, moved)
    name = str(digest)
    return project.engine.find([name])[name]


def _moved(step: Step, what: str) -> InputsMoved:
    return InputsMoved(
        f"{step.layer}: inputs changed while it was built: {what}",
        hint="the result was thrown away, since it may hold either; run again",
    )


def _push(project: Project, step: Step, remote: str) -> None:
    key = str(step.key)
    theirs = project.registry.heads([(remote, key)]).get((remote, key))
    held = _find(project, step)
    if held is None:
        return
    if theirs is None:
        _timed(project, step, "push", lambda: _send(project, step, held, f"{remote}:{key}"))
    elif theirs != held.digest:
        _adopt(project, step, f"{remote}@{theirs}", theirs)


def _send(project: Project, step: Step, held: LocalImage, name: str) -> LocalImage:
    layer = str(step.layer)
    project.engine.tag(str(held.digest), name)
    try:
        project.engine.push(name, lambda done, total: project.tell(Transfer(layer, done, total)))
    finally:
        project.engine.untag(name)
    return held


def _adopt(project: Project, step: Step, reference: str, theirs: Digest) -> None:
    """Somebody was quicker: what the registry holds under a key stays, and becomes ours."""
    held = fetch(project, step, reference)
    names = project.names(step.layer, step.key)
    for name in (names.keyed, names.plain):
        project.engine.tag(str(held.digest), name)
    project.holds(step.layer, held.digest)  # a child that is built next starts from this one
    project.tell(
        Warned(f"{step.key} was in the registry already as {theirs}; adopted", str(step.layer))
    )


def _timed(
    project: Project, step: Step, action: Action, work: Callable[[], LocalImage]
) -> LocalImage:
    layer = str(step.layer)
    expected = project.history.expected(layer, action)
    reason = "; ".join((*step.reasons[:2], *("…" for _ in step.reasons[2:3])))
    reason = "" if action == "push" else reason
    project.tell(Started(layer, action, reason, expected))
    start = time.monotonic()
    ok = False
    try:
        held = work()
        ok = True
        return held
    finally:
        seconds = time.monotonic() - start
        project.history.record(layer, action, str(step.key), seconds, ok)
        project.tell(Finished(layer, action, ok, seconds))


def pushed_steps(project: Project, layers: tuple[Layer, ...]) -> None:
    """Push what an earlier run could not; ``layers`` are those of this run."""
    owed = project.state.unpushed()
    for layer in layers:
        step = project.plan.steps.get(layer)
        if step is not None and f"{layer}@{step.key}" in owed:
            push(project, step)
