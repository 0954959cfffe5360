"""Changed services: which services run as they should already, and how the others are started.

Compose 2.26 makes every container anew whose service needs one that is made anew, changed or not:
setDependentLifecycle in https://github.com/docker/compose/blob/v2.26.1/pkg/compose/convergence.go.
So only what has to change is asked for; what it needs, compose adds by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from layers.compose.containers import Container
from layers.compose.services import Service

Wave = tuple[str, ...]
"""Services that are started by one call; empty: all."""


def settled(
    services: Sequence[Service], hashes: Mapping[str, str], containers: Sequence[Container]
) -> frozenset[str]:
    """Services whose containers all run from just these settings.

    ``hashes`` are compose's own of each service's settings, its image among them. One that asks
    to be restarted with what it needs is not settled while that is not.
    """
    found = set()
    for service in services:
        own = [one for one in containers if one.service == service.name]
        wanted = hashes.get(service.name)
        if own and wanted and all(one.state == "running" and one.hash == wanted for one in own):
            found.add(service.name)
    while True:
        restless = {
            one.name for one in services if one.name in found and not found.issuperset(one.follows)
        }
        if not restless:
            return frozenset(found)
        found -= restless


def waves(services: Sequence[Service], settled: Collection[str]) -> tuple[Wave, ...]:
    """The calls that start all that is not settled, in their order.

    One call, unless a settled service stands between two that change: they come one by one then,
    needed ones first, since a call for both would make it anew.
    """
    changed = tuple(one.name for one in services if one.name not in settled)
    if not changed or len(changed) == len(services):
        return ((),)
    needs = {one.name: one.needs for one in services}
    below = {name: frozenset(_below(name, needs)) for name in needs}
    between = [
        name
        for name in settled
        if below.get(name, frozenset()) & set(changed) and any(name in below[c] for c in changed)
    ]
    if not between:
        return (changed,)
    return tuple((name,) for name in sorted(changed, key=lambda name: (len(below[name]), name)))


def _below(name: str, needs: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """All that a service needs, near and far; compose refuses circles."""
    for each in needs.get(name, ()):
        yield each
        yield from _below(each, needs)
