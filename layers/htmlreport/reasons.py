"""Reasons: why each key last changed, by what ``doit why`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hashes.errors import LayersError
from layers.engine.engine import EngineDown
from layers.graph.graph import Layer
from layers.htmlreport.findings import Reason, Work
from layers.plan.explain import explanation
from layers.plan.session import Session

MADE = ("build", "rootfs", "assemble", "pull")


def reasons(run: Session, layers: Iterable[Layer], works: Sequence[Work]) -> tuple[Reason, ...]:
    """Of each layer that has a key, against the key that it had before here."""
    earlier = _earlier(run)
    return tuple(
        _reason(run, layer, [w for w in works if w.layer == str(layer)], earlier.get(layer, ""))
        for layer in layers
        if run.project.inputs.fault(layer.image) is None
    )


def _earlier(run: Session) -> Mapping[Layer, str]:
    """The keys of the images that the plain names point at; none where no engine answers."""
    try:
        return run.planner.seen.earlier
    except EngineDown:
        return {}


def _reason(run: Session, layer: Layer, works: Sequence[Work], held: str) -> Reason:
    name, new = str(layer), str(run.project.inputs.key(layer))
    done = [each for each in works if each.ok and each.key and each.action in MADE]
    since = min((each.time for each in done if each.key == new), default=None)
    before = [each.key for each in done if each.key != new]
    old = held if held and held != new else before[-1] if before else None
    if old is None:
        return Reason(name, new, None, since, note="no earlier key is known here")
    try:
        told = explanation(run, layer, old)
    except LayersError as error:
        return Reason(name, new, old, since, note=str(error))
    causes = tuple((cause.image, cause.change.text()) for cause in told.causes)
    missing = f"what {', '.join(told.unknown)} was made from is not kept here"
    return Reason(name, new, old, since, causes, missing if told.unknown else "")
