"""Publishing: a set of images in the registry under their keys, whole and with their records."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from hashes.errors import LayersError
from layers.config.spec import no_image
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Broken, Step
from layers.plan.presence import held_fast, parts_missing
from layers.plan.session import Session
from layers.runtime.events import Warned

How = Literal["there", "pushed", "built and pushed", "assembled"]

_WORKERS = 4


class NotPublished(LayersError):
    """Something of a set is not in the registry; no tag was moved then."""


@dataclass(frozen=True)
class Published:
    """An image that is in the registry under its key, with all its parts."""

    layer: Layer
    key: str
    repository: str
    digest: Digest
    how: How
    seconds: float
    prefix: str = ""
    """What its tags begin with in the registry."""


def chosen(run: Session, names: Sequence[str]) -> tuple[Layer, ...]:
    """The images to publish: those named, else every goal with ``push = true``.

    Raises LayersError for what is no image of ours, and for one that is not pushed.
    """
    images = run.project.spec.images
    names = run.project.spec.named(names)
    for name in names:
        if name not in images:
            raise no_image(name, images)
        if not images[name].push:
            raise LayersError(
                f"{name} is not pushed, so it cannot be published",
                hint=f"set push = true under [images.{name}] in images.toml",
            )
    found = [Layer(name) for name in dict.fromkeys(names)]
    found = found or [layer for layer in run.project.goals() if images[layer.image].push]
    if not found:
        raise LayersError("no image has push = true", hint="set it in images.toml")
    if run.backends.registry_host is None:
        raise LayersError(
            "there is no registry to publish to",
            hint="name one in images.toml (project.registry) or in LAYERS_REGISTRY",
        )
    return tuple(found)


def publish(
    run: Session,
    layers: Sequence[Layer],
    ahead: Callable[[Session, Collection[Layer]], None] = lambda _run, _lacking: None,
) -> list[Published]:
    """See to it that the registry holds every layer under its key, whole and with its record.

    The registry is asked first; only for what it lacks is the engine asked, and pulled or built.
    ``ahead`` is told of that run before it begins, and what it brings to the registry.  Raises
    LayersError when anything of the set could not be brought there; the rest is there then.
    """
    faults = {each: fault for each in layers if (fault := run.project.inputs.fault(each.image))}
    wrong = list(dict.fromkeys(map(str, faults.values())))
    for layer, fault in faults.items():
        _tell(run, layer, fault)
    layers = [each for each in layers if each not in faults]
    begin = time.monotonic()
    there, broken = _there(run, layers)
    spent = time.monotonic() - begin
    found = {}
    for layer, digest in there.items():
        found[layer] = _published(run, layer, digest, "there", spent)
    lacking = [layer for layer in layers if layer not in there]
    if lacking:
        made, errors = _make(run, lacking, broken, ahead)
        found |= made
        wrong += errors
    _attach(run, [found[layer] for layer in there])
    if wrong:
        raise NotPublished("\n".join(wrong), hint="no tag was moved")
    return [found[layer] for layer in layers]


def _there(
    run: Session, layers: Sequence[Layer]
) -> tuple[dict[Layer, Digest], dict[Layer, Broken]]:
    """What the registry holds whole, and what in part."""
    names = {layer: run.planner.names_now(layer) for layer in layers}
    at = {layer: (str(each.remote), each.tag) for layer, each in names.items()}
    found = run.backends.registry.heads(list(at.values()))
    known = [layer for layer in layers if at[layer] in found]
    for layer in known:
        key = str(run.project.inputs.key(layer))
        held_fast(names[layer], key, found[at[layer]], run.project.lock.expected)
    parts = parts_missing(run.backends.registry, [(at[each][0], found[at[each]]) for each in known])
    there, broken = {}, {}
    for layer, lost in zip(known, parts, strict=True):
        if lost is None:
            there[layer] = found[at[layer]]
        else:
            broken[layer] = lost
            run.tell(Warned(f"{lost}; it is made anew", str(layer)))
    return there, broken


def _published(run: Session, layer: Layer, digest: Digest, how: How, seconds: float) -> Published:
    names, key = run.planner.names_now(layer), str(run.project.inputs.key(layer))
    return Published(layer, key, str(names.remote), digest, how, seconds, names.prefix)


def _make(
    run: Session,
    lacking: Sequence[Layer],
    broken: Mapping[Layer, Broken],
    ahead: Callable[[Session, Collection[Layer]], None],
) -> tuple[dict[Layer, Published], list[str]]:
    """Carry out the ordinary plan for what the registry lacks, and push it; then what failed."""
    run = run.wanting(lacking, remain=True, broken=broken)
    plan = run.planner.plan
    ahead(run, lacking)
    steps = [step for step in plan.steps.values() if step.needed]
    found: dict[Layer, Published] = {}
    running: dict[Layer, Future[None]] = {}

    def work(step: Step) -> None:
        for parent in run.project.inputs.parents(step.layer):
            if parent in running:
                running[parent].result()
        published = _one(run, step, step.layer in lacking)
        if published is not None:
            found[step.layer] = published

    with ThreadPoolExecutor(_WORKERS) as pool:
        for step in steps:  # parents first, so that whoever waits waits for one that runs
            running[step.layer] = pool.submit(work, step)
    errors = dict.fromkeys(
        str(error) for each in running.values() if (error := _failure(each)) is not None
    )
    return found, list(errors)


def _failure(future: Future[None]) -> LayersError | None:
    """What went wrong for the user; what went wrong in our code is raised."""
    error = future.exception()
    if error is None or isinstance(error, LayersError):
        return error
    raise error


def _one(run: Session, step: Step, asked: bool) -> Published | None:
    """Make one layer true and push it; a push that fails is an error only for what was asked."""
    try:
        return _made(run, step, asked)
    except LayersError as error:
        _tell(run, step.layer, error)
        raise


def _tell(run: Session, layer: Layer, error: LayersError) -> None:
    from layers.build.failure.event import failed

    run.fails(error, failed(str(layer), error))


def _made(run: Session, step: Step, asked: bool) -> Published | None:
    from layers.build.execute import carry_out, left_behind, push
    from layers.build.push.push import deliver

    begin = time.monotonic()
    if not step.idle:
        carry_out(run, step)
    if not asked:
        push(run, step)
        return None
    digest = run.planner.presence.registry.get(step.layer)
    if step.state == "assemble" and not step.here and digest is not None:
        return _published(run, step.layer, digest, "assembled", time.monotonic() - begin)
    delivered = deliver(run, step)
    run.project.state.mark_unpushed(f"{step.layer}@{step.key}", owed=False)
    left_behind(run, step, delivered)
    how: How = "there"
    if delivered.pushed or (step.builder and step.here is False):
        how = "built and pushed" if step.state == "build" else "pushed"
    return _published(run, step.layer, delivered.digest, how, time.monotonic() - begin)


def _attach(run: Session, images: Sequence[Published]) -> None:
    """Attach records where they are lacking, e.g. since a push was killed before its end."""
    from layers.build.push.push import attach_record

    if images:
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(
                pool.map(
                    lambda one: attach_record(run, one.layer, one.repository, one.digest),
                    images,
                )
            )
