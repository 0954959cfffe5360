"""Measuring: how much each layer took at each key, from the engine, the lock and what is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hashes.errors import LayersError
from layers.engine.store import Stored
from layers.graph.graph import Layer
from layers.htmlreport import weights
from layers.htmlreport.findings import Growth, Package, Part, Weight, Work
from layers.htmlreport.packages import packages
from layers.lock.epochs import place
from layers.plan.facts import SAID, unix_time
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.plan.session import Session
from layers.project.project import Project
from layers.refresh.image_diff import layer_sizes

LOOKED_INTO = 6
"""Images whose packages are looked up in one run, at a second each; the rest next time."""
_EARLIEST = 315532800.0  # 1980: what says that it is older was given a time that means nothing


def growths(
    run: Session, layers: Sequence[Layer], works: Sequence[Work], notes: list[str]
) -> tuple[Growth, ...]:
    """The sizes of ``layers`` over time; what cannot be found out becomes a note."""
    project = run.project
    known = {
        layer: {w.key: w for w in weights.recall(project.state, str(layer))} for layer in layers
    }
    try:
        _measure(run, known, works, notes)
    except LayersError as error:
        notes.append(f"sizes are those that are kept here, as the engine was not asked: {error}")
    found = []
    for layer in layers:
        try:
            weights.remember(project.state, str(layer), known[layer].values())
        except OSError as error:
            notes.append(f"sizes are not kept: {error.strerror}")
        all_of = {**_epochs(project, layer), **known[layer]}
        rows = tuple(sorted(all_of.values(), key=lambda each: each.time))
        if rows:
            limit = project.spec.images[layer.image].max_size if layer.stage is None else None
            found.append(Growth(str(layer), rows, limit))
    return tuple(found)


def _measure(
    run: Session,
    known: Mapping[Layer, dict[str, Weight]],
    works: Sequence[Work],
    notes: list[str],
) -> None:
    """Add what the engine holds, newest first.  Raises LayersError."""
    built = {(w.layer, w.key): w.time for w in works if w.ok and w.action in ("build", "rootfs")}
    looked = 0
    for image in run.backends.store.images():
        name = next(iter(image.names), "")
        for layer, key in _ours(run.project, image, known):
            old = known[layer].get(key)
            worth = layer.stage is None and looked < LOOKED_INTO
            if old is not None and (old.packages or not worth):
                continue
            at = built.get((str(layer), key)) or _made(run.project, layer, image)
            if not name or at is None:
                continue
            held: tuple[Package, ...] = ()
            if worth:
                looked += 1
                held = _packages(run, name, layer, notes)
            sizes = layer_sizes(run.backends.containers, name)
            parts = tuple(Part(each.created_by, each.size) for each in sizes)
            size = sum(part.size for part in parts) or image.size
            known[layer][key] = Weight(key, at, size, parts, held)


def _packages(run: Session, name: str, layer: Layer, notes: list[str]) -> tuple[Package, ...]:
    try:
        return packages(run.backends.containers, name)
    except LayersError as error:
        notes.append(f"{layer}: packages were not looked up: {error}")
        return ()


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
