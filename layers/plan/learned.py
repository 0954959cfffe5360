"""Learned times: how long work on an image took elsewhere, as it is attached to the image."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from layers.engine.engine import EngineDown
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import home
from layers.plan.remote_records import LATEST, is_key
from layers.project.history import Took, latest
from layers.registry.registry import Registry, RegistryError

if TYPE_CHECKING:
    from layers.plan.session import Session
    from layers.project.project import Project

TIMES = "io.doit-layers.times"
"""Annotation of what an image was made from: the times as JSON, layer → action → [[Unix seconds of
the end, seconds], …], both whole."""
ACTIONS = ("build", "assemble", "push")
MOST = 8
"""Keys of an image that are asked for times, where no tag is known to have them."""
_LONGEST = 10_000_000
"""Seconds; what claims more is damaged."""
_LARGEST = 64 * 1024
"""Characters of an annotation that are read."""


def told(project: Project, image: str, more: Iterable[Took] = ()) -> str:
    """What goes along with an image: the last five times of each work on it and its stages.

    ``more`` stands beside this checkout's history.  "" where nothing is known.
    """
    found: dict[str, dict[str, list[Took]]] = {}
    for took in (*project.history.last(image), *more):
        if took.action in ACTIONS:
            found.setdefault(took.layer, {}).setdefault(took.action, []).append(took)
    times = {
        layer: {
            action: [[took.time, round(took.seconds)] for took in latest(each)]
            for action, each in actions.items()
        }
        for layer, actions in found.items()
    }
    return json.dumps(times, separators=(",", ":")) if times else ""


def read(text: object, image: str) -> list[Took]:
    """The times that an annotation tells of an image and its stages; damage is left out."""
    if not isinstance(text, str) or len(text) > _LARGEST:
        return []
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = []
    for layer, actions in _items(content):
        if layer.partition(":")[0] != image:
            continue
        for action, times in _items(actions):
            if action in ACTIONS and isinstance(times, list):
                sound = (pair for pair in times[-5:] if _sound(pair))
                found += [Took(layer, action, when, seconds) for when, seconds in sound]
    return found


def _items(value: object) -> Iterable[tuple[str, object]]:
    return value.items() if isinstance(value, dict) else ()


def _sound(pair: object) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in pair):
        return False
    return bool(0 <= pair[0] < 1 << 40 and 0 <= pair[1] < _LONGEST)


def learn(run: Session, names: Iterable[str]) -> None:
    """Ask the registry how long work on some images takes elsewhere, and keep that.

    Of each image it is asked by ``latest``, by the key that the engine's image has, else by a few
    of its other keys.  That nothing is told is no error: then the times stay unknown.
    """
    images = dict.fromkeys(names)
    try:
        seen = run.planner.seen
        if run.backends.registry_host is None or seen.deaf:
            return
        keys = {image: seen.earlier.get(Layer(image), "") for image in images}
        found = _learned(run, run.backends.registry, keys)
    except (RegistryError, EngineDown):
        return
    run.project.history.learn(found)


def _learned(run: Session, registry: Registry, keys: Mapping[str, str]) -> list[Took]:
    spec, host = run.project.spec, run.backends.registry_host
    homes = {image: home(spec, image) for image in keys}
    at = {image: f"{host}/{each.path}" for image, each in homes.items()}

    def tags(image: str, names: Iterable[str]) -> list[tuple[str, str]]:
        return [(at[image], f"{homes[image].prefix}{name}") for name in names if name]

    first = {image: tags(image, (LATEST, key)) for image, key in keys.items()}
    there = registry.heads([one for each in first.values() for one in each])
    found: list[Took] = []
    for image in keys:
        digests = [there[one] for one in first[image] if one in there]
        if not digests:
            prefix = homes[image].prefix
            names = [
                t.removeprefix(prefix) for t in registry.tags(at[image]) if t.startswith(prefix)
            ]
            some = tags(image, [name for name in names if is_key(name)][:MOST])
            digests = list(registry.heads(some).values()) if some else []
        for digest in dict.fromkeys(digests):
            found.extend(_attached(registry, at[image], digest, image))
    return found


def _attached(registry: Registry, repository: str, digest: Digest, image: str) -> list[Took]:
    from layers.registry.referrers import INPUTS, notes

    return [
        took
        for each in notes(registry, repository, digest, INPUTS)
        for took in read(each.get(TIMES), image)
    ]
