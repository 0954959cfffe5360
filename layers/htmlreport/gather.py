"""Gathering: everything that the page tells, from what this checkout and its engine know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layers.graph.graph import Layer
from layers.htmlreport.findings import Age, Findings, Growth, Status, Work
from layers.htmlreport.measure import growths
from layers.htmlreport.reasons import reasons
from layers.lock.epochs import place
from layers.picture.look import drawing
from layers.plan.facts import Facts, add_up, facts_of, in_words, unix_time
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.project.project import Project

SAID = ("the engine has this key", "the registry has this key")


def gather(run: Session, now: float, wrong: Sequence[str] = ()) -> Findings:
    """The findings at ``now``, in Unix seconds; what cannot be found out becomes a note.

    ``wrong``: what could not be found out before.
    """
    project = run.project
    plan = run.planner.look()
    steps = [step for step in plan.steps.values() if step.needed or not step.idle]
    notes = [*wrong]
    layers = _layers(project)
    known = facts_of(run, steps)
    works = tuple(Work(*each) for each in project.history.works())
    statuses = tuple(_status(project, step, known[step.layer]) for step in steps)
    summary = in_words(add_up(steps, known))
    grown = growths(run, layers, works, now, notes)
    ages = sorted(_ages(project, grown), key=lambda each: each.since)
    return Findings(
        project.spec.project,
        project.profile or "",
        now,
        summary,
        drawing(run, (), False, plan),
        statuses,
        grown,
        works,
        tuple(ages),
        reasons(run, layers, works),
        tuple(dict.fromkeys(notes)),
    )


def _status(project: Project, step: Step, known: Facts) -> Status:
    told = [r.partition("\n")[0] for r in dict.fromkeys(step.reasons) if r not in SAID]
    base = project.spec.images[step.layer.image].rootfs is not None
    return Status(
        str(step.layer),
        "stage" if step.layer.stage else "base" if base else "image",
        "error" if step.stuck else step.state,
        told[0] if told else "",
        len(told[1:]),
        known.size,
        known.created,
        known.expected,
    )


def _ages(project: Project, grown: Sequence[Growth]) -> Iterator[Age]:
    """Of pins, of bases that are refreshed, and of system bases as they are here."""
    spec, graph = project.spec, project.inputs.graph
    users: dict[tuple[str, str], dict[str, None]] = {}
    for image, edges in graph.edges.items():
        lock = project.inputs.wiring.lock_for(spec.images[image])
        for edge in edges:
            if edge.upstream is None:
                continue
            pin = lock.find(edge.upstream, edge.platform or spec.platform)
            if pin is not None and pin.locked:
                users.setdefault((edge.upstream, pin.locked), {})[image] = None
    for (name, locked), images in users.items():
        at = unix_time(locked)
        if at is not None:
            yield Age(name, "upstream", at, tuple(images), "pinned in images.lock")
    where = place(spec.platform, spec.profile)
    for name in graph.order:
        base = project.lock.base(name, where)
        at = unix_time(base.now.refreshed) if base is not None else None
        if base is not None and at is not None:
            note = f"epoch {base.now.number}"
            yield Age(name, "refreshed base", at, _children(project, name), note)
    for growth in grown:
        base_of = spec.images.get(growth.layer)
        if base_of is not None and base_of.rootfs is not None:
            newest = growth.weights[-1].time
            yield Age(growth.layer, "system base", newest, _children(project, growth.layer))


def _children(project: Project, image: str) -> tuple[str, ...]:
    graph = project.inputs.graph
    return tuple(each for each in graph.order if image in graph.parents(each))


def _layers(project: Project) -> list[Layer]:
    """Every image, system bases, and the stages that are kept."""
    order = project.inputs.graph.order
    return [layer for image in order for layer in (*_kept(project, image), Layer(image))]


def _kept(project: Project, image: str) -> list[Layer]:
    if project.inputs.fault(image):
        return []
    kept = project.spec.images[image].push_stages
    return [Layer(image, s) for s in project.inputs.named_stages(image) if s in kept]
