"""Carrying out: makes one layer true, as its step of the plan says."""

from __future__ import annotations

from dataclasses import replace

from hashes.errors import LayersError
from layers.build import prepare, remote
from layers.build.push.local import fetch, find, name, remember, timed
from layers.build.push.push import deliver, there
from layers.engine.engine import EngineError, LocalImage
from layers.engine.errors import MissingContent, UnknownReference
from layers.graph.causes import why
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.project.project import Project
from layers.registry.registry import RegistryError
from layers.runtime.events import Warned


class InputsMoved(LayersError):
    """A file changed between the moment when it was hashed and the end of the build."""


def carry_out(project: Project, step: Step) -> None:
    """Do what ``step`` says; safe against other processes that do the same.

    Raises LayersError of several kinds; then tags, lock and state are as they were.
    """
    with project.state.lock(f"{step.layer}@{step.key}"):
        held = find(project, step)
        if held is None and step.state == "pull":
            try:
                held = timed(project, step, "pull", lambda: _pull(project, step))
            except (UnknownReference, MissingContent) as error:
                step = _instead(project, step, error)
        if held is None and step.builder:
            digest = timed(project, step, "build", lambda: _elsewhere(project, step))
            project.stored(step.layer, digest)
            if step.here:
                pull = replace(step, reasons=("it is wanted here",))
                held = timed(project, pull, "pull", lambda: _pull(project, step))
        elif held is None:
            held = timed(project, step, "build", lambda: _build(project, step))
            if project.names(step.layer, step.key).remote and project.pushes(step.layer):
                # Before it has a name: a run that is killed between the two owes the push.
                project.state.mark_unpushed(f"{step.layer}@{step.key}", owed=True)
        if held is not None:
            name(project, step, held)
        else:
            remember(project, step)


def _instead(project: Project, step: Step, error: EngineError) -> Step:
    """The step that builds what cannot be pulled, once all that it starts from is true."""
    project.tell(Warned(f"built, since the pull failed: {error}", str(step.layer)))
    plan = project.without(step.layer)
    for each in plan.steps.values():
        if each.layer != step.layer and not each.idle:
            carry_out(project, each)
            push(project, each)
    return plan.steps[step.layer]


def push(project: Project, step: Step) -> None:
    """See to it that the registry holds the layer under its key; never overwrites.

    A registry that fails costs a warning: the work is here, and the next run pushes again.
    """
    if project.names(step.layer, step.key).remote is None or not project.pushes(step.layer):
        return
    mark = f"{step.layer}@{step.key}"
    try:
        deliver(project, step)
        project.state.mark_unpushed(mark, owed=False)
    except (RegistryError, EngineError) as error:
        project.state.mark_unpushed(mark, owed=True)
        project.tell(Warned(f"not pushed, the next run tries again: {error}", str(step.layer)))


def _pull(project: Project, step: Step) -> LocalImage:
    place = project.names(step.layer, step.key).remote
    digest = project.presence.registry[step.layer]
    return fetch(project, step, f"{place}@{digest}")


def _build(project: Project, step: Step) -> LocalImage:
    _tell_unpinned(project, step)
    parents = prepare.Parents(project)
    with prepare.prepared(project, step, parents) as call:
        digest = prepare.run(project, step, call)
    parents.check()
    _check_inputs(project, step)
    identity = str(digest)
    return project.engine.find([identity])[identity]


def _elsewhere(project: Project, step: Step) -> Digest:
    """What the registry has in the end, from our builder or from somebody who was quicker."""
    place, builder = remote.place(project, step), remote.find_builder(project, step.builder)
    found = there(project, step, place)
    if found is not None:
        return found
    _tell_unpinned(project, step)
    with (
        prepare.prepared(project, step, remote.Kept(project)) as call,
        remote.built(project, step, call, builder, place) as digest,
    ):
        _check_inputs(project, step)
        return remote.keep(project, step, place, digest)


def _tell_unpinned(project: Project, step: Step) -> None:
    for each in project.inputs.image(step.layer.image).manifest(step.layer.stage).unpinned:
        project.tell(Warned(f"{each} is unpinned; `doit lock` pins it", str(step.layer)))


def _check_inputs(project: Project, step: Step) -> None:
    """Raise InputsMoved unless the files are as they were when they were hashed."""
    inputs = project.inputs.image(step.layer.image)
    try:
        fresh = project.inputs.reread(step.layer.image)
    except LayersError as error:
        raise _moved(step, str(error)) from error
    if inputs.manifest(step.layer.stage).key() != fresh.manifest(step.layer.stage).key():
        found = why(inputs.record(step.layer.stage), fresh.record(step.layer.stage))
        moved = "; ".join(change.text() for change in found[:5])
        raise _moved(step, moved)


def _moved(step: Step, what: str) -> InputsMoved:
    return InputsMoved(
        f"{step.layer}: inputs changed while it was built: {what}",
        hint="the result was thrown away, since it may hold either; run again",
    )


def pushed_steps(project: Project, layers: tuple[Layer, ...], owed: frozenset[str]) -> None:
    """Push what an earlier run could not and left as ``owed``; ``layers`` are those of this run."""
    owed &= project.state.unpushed()  # this run may have pushed it
    for layer in layers:
        step = project.plan.steps.get(layer)
        if step is not None and f"{layer}@{step.key}" in owed:
            push(project, step)
