"""Updating the lock: asks registries what each upstream is now, and writes it down by digest."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from hashes.errors import LayersError
from layers.lock.git import KIND, GitPin
from layers.lock.lock import Lock
from layers.lock.pin import Pin, Upstream
from layers.lock.resolve import resolve
from layers.oci.reference import Reference
from layers.registry.registry import Registry


@dataclass(frozen=True)
class Moved:
    """What locking changed about one upstream; an empty side means that it was not there."""

    name: str
    platform: str
    old: str
    new: str


def resolve_all(registry: Registry, wanted: Sequence[Upstream]) -> tuple[Pin, ...]:
    """Ask for all of them at once.  Raises RegistryError for the first that cannot be told."""
    if not wanted:
        return ()
    with ThreadPoolExecutor(min(8, len(wanted))) as pool:
        return tuple(pool.map(lambda each: _pin(registry, each), wanted))


def resolve_each(registry: Registry, wanted: Sequence[Upstream]) -> tuple[Pin | LayersError, ...]:
    """The same, with the error in place of each pin that could not be told."""
    if not wanted:
        return ()

    def ask(each: Upstream) -> Pin | LayersError:
        try:
            return _pin(registry, each)
        except LayersError as error:
            return error

    with ThreadPoolExecutor(min(8, len(wanted))) as pool:
        return tuple(pool.map(ask, wanted))


def _pin(registry: Registry, wanted: Upstream) -> Pin:
    reference = Reference.parse(wanted.name)
    at = reference.digest or reference.tag or "latest"
    found = resolve(registry, reference.name, at, wanted.platform)
    config = found.config.get("config") or {}
    env = dict(pair.split("=", 1) for pair in config.get("Env") or () if "=" in pair)
    return Pin(
        name=reference,
        platform=wanted.platform,
        digest=found.manifest,
        env=env,
        onbuild=tuple(config.get("OnBuild") or ()),
        locked=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )


def merge_git(
    old: Lock, pins: Iterable[GitPin], used: Collection[str], *, drop_others: bool
) -> tuple[Lock, tuple[Moved, ...]]:
    """The lock with commits of git addresses, and what that changes; ``used`` are all addresses."""
    new = old.with_git(pins)
    if drop_others:
        kept = [each for name, each in new.git.items() if name in used]
        new = Lock.of(new.pins.values(), new.path, new.bases.values(), new.past.values(), kept)
    before = {name: each.commit for name, each in old.git.items()}
    after = {name: each.commit for name, each in new.git.items()}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    moved = (Moved(name, KIND, before.get(name, ""), after.get(name, "")) for name in names)
    return new, tuple(moved)


def merge(old: Lock, pins: Iterable[Pin], *, drop_others: bool) -> tuple[Lock, tuple[Moved, ...]]:
    """The lock with ``pins`` in it, and what that changes.

    A pin whose digest is as before keeps its old entry, time and all: locking twice is one lock.
    ``drop_others`` forgets upstreams that nobody uses any more.
    """
    kept = {} if drop_others else dict(old.pins)
    moved = []
    for pin in pins:
        at = (pin.name, pin.platform)
        before = old.pins.get(at)
        if before is not None and before.digest == pin.digest:
            kept[at] = before
            continue
        kept[at] = pin
        name = pin.name.familiar()
        moved.append(
            Moved(name, pin.platform, str(before.digest) if before else "", str(pin.digest))
        )
    if drop_others:
        gone = (pin for at, pin in old.pins.items() if at not in kept)
        moved += [Moved(p.name.familiar(), p.platform, str(p.digest), "") for p in gone]
    bases, past, git = old.bases.values(), old.past.values(), old.git.values()
    new = Lock.of(kept.values(), old.path, bases, past, git)
    return old.replaced_by(new), tuple(moved)
