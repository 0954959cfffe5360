"""Measuring: how much each layer took at each key, from the engine, the lock and what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from hashes.errors import LayersError
from layers.engine.store import Stored
from layers.graph.graph import Layer
from layers.htmlreport import weights
from layers.htmlreport.findings import Growth, Package, Part, Weight, Work
from layers.lock.epochs import place
from layers.plan.facts import SAID, unix_time
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.session import Session
from layers.project.project import Project
from layers.refresh.image_diff import layer_sizes
from layers.sizes.growth import brief, remember, remembered
from layers.sizes.measure import measure
from layers.sizes.read import Reader

_EARLIEST = 315532800.0  # 1980: what says that it is older was given a time that means nothing


def growths(
    run: Session, layers: Sequence[Layer], works: Sequence[Work], now: float, notes: list[str]
) -> tuple[Growth, ...]:
    """The sizes of ``layers`` until ``now``; what cannot be found out becomes a note."""
    project = run.project
    known = {
        layer: {w.key: w for w in weights.recall(project.state, str(layer))} for layer in layers
    }
    try:
        _measure(run, known, works)
    except LayersError as error:
        notes.append(f"sizes are those that are kept here, as the engine was not asked: {error}")
    found = []
    for layer in layers:
        held = {**_elsewhere(project, layer, now), **known[layer]}
        exact = {key: _with_packages(project, layer, each) for key, each in held.items()}
        try:
            weights.remember(project.state, str(layer), exact.values())
        except OSError as error:
            notes.append(f"sizes are not kept: {error.strerror}")
        rows = sorted({**_epochs(project, layer), **exact}.values(), key=lambda each: each.time)
        if rows:
            limit = project.spec.images[layer.image].max_size if layer.stage is None else None
            found.append(Growth(str(layer), tuple(rows), limit))
    return tuple(found)


def measured(run: Session, layers: Iterable[Layer], say: Callable[[str], None]) -> tuple[str, ...]:
    """Read those of ``layers`` at their present keys that nobody measured yet, as `doit sizes`.

    Each is read whole, from the engine or the registry; ``say`` is told of it.  What was in the
    way is returned.
    """
    reader = Reader(run, say)
    wrong = []
    for layer in layers:
        if run.project.inputs.fault(layer.image) is not None:
            continue
        key = run.project.inputs.key(layer)
        if remembered(run.project.state, str(layer), str(key)) is not None:
            continue
        try:
            image = reader.read(layer, key)
            if image is not None:
                told = brief(str(key), measure(image.layers))
                remember(run.project.state, str(layer), told)
        except LayersError as error:
            wrong.append(f"{layer}: not measured: {error}")
    return tuple(wrong)


def _measure(run: Session, known: Mapping[Layer, dict[str, Weight]], works: Sequence[Work]) -> None:
    """Add what the engine holds.  Raises LayersError."""
    built = {(w.layer, w.key): w.time for w in works if w.ok and w.action in ("build", "rootfs")}
    for image in run.backends.store.images():
        name = next(iter(image.names), "")
        for layer, key in _ours(run.project, image, known):
            at = built.get((str(layer), key)) or _made(run.project, layer, image)
            if name and at is not None and key not in known[layer]:
                sizes = layer_sizes(run.backends.containers, name)
                parts = tuple(Part(each.created_by, each.size) for each in sizes)
                size = sum(part.size for part in parts) or image.size
                known[layer][key] = Weight(key, at, size, parts)


def _with_packages(project: Project, layer: Layer, weight: Weight) -> Weight:
    """The same with the packages that `doit sizes` found at that key.

    Its other numbers stay the engine's, which counts blocks, not bytes: else a key that was
    measured and one that was not would seem to differ.
    """
    found = remembered(project.state, str(layer), weight.key)
    if found is None:
        return weight
    held = sorted((Package(*each) for each in found.packages.items()), key=lambda p: -p.size)
    return weight._replace(packages=tuple(held))


def _elsewhere(project: Project, layer: Layer, at: float) -> dict[str, Weight]:
    """What was measured of a layer's present key, whose image is in the registry alone."""
    if project.inputs.fault(layer.image) is not None:
        return {}
    key = str(project.inputs.key(layer))
    found = remembered(project.state, str(layer), key)
    if found is None:
        return {}
    parts = tuple(Part(*each) for each in found.layers if each[1])
    return {key: Weight(key, at, found.unpacked, parts)}


def _ours(project: Project, image: Stored, layers: Iterable[Layer]) -> Iterator[tuple[Layer, str]]:
    """The layer whose key an image has, by its labels, and that key."""
    key, layer = image.labels.get(LABEL_KEY, ""), Layer.parse(image.labels.get(LABEL_LAYER, ""))
    if not key or image.labels.get(LABEL_PROJECT, project.spec.project) != project.spec.project:
        return
    record = project.recall(key)
    if record is not None and record.image and record.profile != project.profile:
        return
    if layer in layers:
        yield layer, key


def _made(project: Project, layer: Layer, image: Stored) -> float | None:
    """When an image was made, unless it says another time than that."""
    if SAID in project.spec.images[layer.image].args or image.created < _EARLIEST:
        return None
    return image.created


def _epochs(project: Project, layer: Layer) -> dict[str, Weight]:
    """What the lock remembers of a base that is refreshed."""
    where = place(project.spec.platform, project.spec.profile)
    base = project.lock.base(layer.image, where) if layer.stage is None else None
    if base is None:
        return {}
    found = {}
    for epoch in (base.now, *base.earlier):
        at = unix_time(epoch.refreshed)
        if epoch.size and at is not None:
            found[epoch.key] = Weight(epoch.key, at, epoch.size)
    return found
