"""Executing a step: makes one layer true, as its step of the plan says."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from hashes.errors import LayersError
from layers.assemble.obstacle import Obstacle
from layers.build.push.local import fetch, find, name, remember, timed
from layers.build.push.push import Delivered, deliver, there
from layers.engine.engine import EngineError, LocalImage
from layers.engine.errors import MissingContent, UnknownReference
from layers.graph.causes import why
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.history import Begun
from layers.registry.registry import RegistryError
from layers.runtime.events import Output, Warned

if TYPE_CHECKING:
    from layers.build.assemble.image import Ready


class InputsMoved(LayersError):
    """A file changed between the moment when it was hashed and the end of the build."""


class NotAssembled(LayersError):
    """Something stands in the way of assembling an image."""


def carry_out(run: Session, step: Step) -> None:
    """Do what ``step`` says; safe against other processes that do the same.

    Raises LayersError of several kinds; then tags, lock and state are as they were.
    """
    try:
        _carry_out(run, step)
    except LayersError as error:
        from layers.build.failure.event import failed

        run.fails(error, failed(str(step.layer), error))
        raise


def _carry_out(run: Session, step: Step) -> None:
    if step.key is None:
        raise LayersError(step.problem)
    with run.project.state.lock(f"{step.layer}@{step.key}"):
        alone = step.state == "assemble" and not step.here  # the engine has no part in it
        held = None if alone else find(run, step)
        if held is None and step.state == "pull":
            try:
                held = timed(run, step, "pull", lambda: _pull(run, step))
            except (UnknownReference, MissingContent) as error:
                step = _instead(run, step, f"the pull failed: {error}")
        made: Digest | None = None
        if held is None and step.state == "assemble":
            try:
                made, held = timed(run, step, "assemble", lambda: _assembled(run, step))
            except NotAssembled as error:
                step = _instead(run, step, f"it could not be assembled: {error}")
        if held is None and made is None and step.builder:
            made = timed(run, step, "build", lambda: _build_remotely(run, step))
        if made is not None:
            run.planner.stored(step.layer, made)
            if step.here and held is None:
                pull = step._replace(reasons=("it is wanted here",))
                held = timed(run, pull, "pull", lambda: _pull(run, step))
        elif held is None:
            held = timed(run, step, "build", lambda: _build(run, step))
            if step.names.remote and step.push:
                # Before it has a name: a run that is killed between the two owes the push.
                run.project.state.mark_unpushed(f"{step.layer}@{step.key}", owed=True)
        if held is not None:
            name(run, step, held)
        else:
            remember(run, step)


def _instead(run: Session, step: Step, reason: str) -> Step:
    """The step that builds what cannot be had otherwise, once all that it starts from is true."""
    layer, said = str(step.layer), f"built, since {reason}"
    wanted = step.state != "assemble" or run.project.spec.images[step.layer.image].assemble
    run.tell(Warned(said, layer) if wanted else Output(layer, said))
    plan = run.planner.without(step.layer)
    for each in plan.steps.values():
        if each.layer != step.layer and not each.idle:
            carry_out(run, each)
            push(run, each)
    return plan.steps[step.layer]


def push(run: Session, step: Step) -> None:
    """See to it that the registry holds the layer under its key; never overwrites.

    A registry that fails costs a warning: the work is here, and the next run pushes again.
    """
    if step.names.remote is None or not step.push:
        return
    mark = f"{step.layer}@{step.key}"
    try:
        delivered = deliver(run, step)
        run.project.state.mark_unpushed(mark, owed=False)
        left_behind(run, step, delivered)
    except (RegistryError, EngineError) as error:
        run.project.state.mark_unpushed(mark, owed=True)
        run.tell(Warned(f"not pushed, the next run tries again: {error}", str(step.layer)))


def left_behind(run: Session, step: Step, delivered: Delivered) -> None:
    """Leave what an edit of a layer can be put upon without an engine, where that is wanted."""
    images = run.project.spec.images
    made = delivered.pushed or step.state == "build"
    if not made or step.builder or not any(each.may_assemble for each in images.values()):
        return
    from layers.build.assemble.trunk import leave_listing, leave_trunk

    image = images[step.layer.image]
    if image.may_assemble:
        leave_trunk(run, step, delivered.digest)
    leave_listing(run, step, delivered.digest)


def _pull(run: Session, step: Step) -> LocalImage:
    repository = step.names.remote
    digest = run.planner.presence.registry[step.layer]
    return fetch(run, step, f"{repository}@{digest}")


def _build(run: Session, step: Step) -> LocalImage:
    from layers.build import prepare
    from layers.build.parents import Parents

    _tell_unpinned(run, step)
    parents = Parents(run)
    with prepare.prepared(run, step, parents) as call:
        digest = prepare.execute(run, step, call)
    parents.check()
    check_inputs(run, step)
    held = run.backends.engine.find([str(digest)]).get(str(digest))
    if held is None:
        raise EngineError(
            f"{step.layer}: {digest} was built, and the engine does not have it",
            hint="something else removed it meanwhile; run again",
        )
    return held


def _assembled(run: Session, step: Step) -> tuple[Digest | None, LocalImage | None]:
    """What the registry has in the end, from us or from somebody who was quicker; and the same in
    the engine, where that is wanted and took it in.

    None for a registry that failed where the engine has it: it is still to be pushed.  Raises
    NotAssembled where BuildKit has to do it.
    """
    from layers.assemble.tarballs import BadTarball
    from layers.build.assemble.image import assembled

    begun = Begun("assemble", time.monotonic())
    try:
        ready = assembled(run, step)
        if isinstance(ready, Obstacle):
            raise NotAssembled(str(ready))
        try:
            check_inputs(run, step)
            return _brought(run, step, ready, begun)
        finally:
            ready.image.close()
    except (RegistryError, BadTarball) as error:
        raise NotAssembled(str(error)) from error


def _brought(
    run: Session, step: Step, ready: Ready, begun: Begun
) -> tuple[Digest | None, LocalImage | None]:
    """Bring what was assembled to the registry, and to the engine side by side."""
    from concurrent.futures import ThreadPoolExecutor

    from layers.build.assemble import here
    from layers.build.assemble.image import send

    if not step.here:
        return send(run, step, ready, begun), None
    if not step.push:
        held = here.take_in(run, step, ready)
        if held is None:
            raise NotAssembled("the engine does not have what it stands on")
        return None, held
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(here.take_in, run, step, ready)
        try:
            sent: Digest | None = send(run, step, ready, begun)
        except RegistryError:
            held = taking.result()
            if held is None:
                raise
            run.project.state.mark_unpushed(f"{step.layer}@{step.key}", owed=True)
            return None, held
        held = taking.result()
    if held is not None and held.digest != sent:
        here.forget(run, held)  # somebody else's is under the key
        held = None
    return sent, held


def _build_remotely(run: Session, step: Step) -> Digest:
    """What the registry has in the end, from our builder or from somebody who was quicker."""
    from layers.build import prepare, remote
    from layers.build.builder import find_builder

    repository = remote.repository(step)
    builder = find_builder(step.builder, run.backends.endpoint, os.environ)
    found = there(run, step, repository)
    if found is not None:
        return found
    _tell_unpinned(run, step)
    begun = Begun("build", time.monotonic())
    with (
        prepare.prepared(run, step, remote.Kept(run)) as call,
        remote.built(run, step, call, builder, repository) as digest,
    ):
        check_inputs(run, step)
        return remote.keep(run, step, repository, digest, begun)


def _tell_unpinned(run: Session, step: Step) -> None:
    for each in run.project.inputs.image(step.layer.image).manifest(step.layer.stage).unpinned:
        run.tell(Warned(f"{each} is unpinned; `doit lock` pins it", str(step.layer)))
    for edge in run.project.inputs.unknown_triggers(step.layer.image):
        run.tell(
            Warned(
                f"{edge.upstream}: nobody knows whether it has ONBUILD triggers, so the key covers"
                " the whole context; `doit lock` finds out",
                str(step.layer),
            )
        )


def check_inputs(run: Session, step: Step) -> None:
    """Raise InputsMoved unless the files are as they were when they were hashed."""
    inputs = run.project.inputs.image(step.layer.image)
    try:
        fresh = run.project.inputs.reread(step.layer.image)
    except LayersError as error:
        raise _moved(step, str(error)) from error
    if inputs.key(step.layer.stage) != fresh.key(step.layer.stage):
        found = why(inputs.record(step.layer.stage), fresh.record(step.layer.stage))
        moved = "; ".join(change.text() for change in found[:5])
        raise _moved(step, moved)


def _moved(step: Step, what: str) -> InputsMoved:
    return InputsMoved(
        f"{step.layer}: inputs changed while it was built: {what}",
        hint="the result was thrown away, since it may hold either; run again",
    )


def pushed_steps(run: Session, layers: tuple[Layer, ...], owed: frozenset[str]) -> None:
    """Push what an earlier run could not and left as ``owed``; ``layers`` are those of this run."""
    owed &= run.project.state.unpushed()  # this run may have pushed it
    for layer in layers:
        step = run.planner.plan.steps.get(layer)
        if step is not None and f"{layer}@{step.key}" in owed:
            push(run, step)
