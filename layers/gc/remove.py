"""Removal: takes away what a sweep lets go, each thing looked at again right before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from layers.engine.store import Store
from layers.gc.item import Found
from layers.gc.sweep import Going
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.registry import Registry
from layers.runtime.state import StateFolder

_TRUSTED = 1.0
"""Seconds for which a look at all tags of a repository is believed."""


@dataclass(frozen=True)
class Removal:
    """What became of something that might go."""

    going: Going
    skipped: str = ""
    """Why it is still there; empty: it is gone."""
    failed: bool = False
    """True when an error is the reason."""


@dataclass
class Remover:
    """Removes; safe against builds of this checkout and pushes of anybody, up to a second."""

    store: Callable[[], Store]
    registry: Callable[[], Registry]
    state: StateFolder
    refusing: set[str] = field(default_factory=set)
    """Registries that do not allow deletes."""
    _saved: set[tuple[str, Digest]] = field(default_factory=set)
    """What was left in the registry, with its repository."""
    _parts: set[tuple[str, str]] = field(default_factory=set)
    """What that is made of."""
    _looks: dict[str, tuple[float, dict[str, Digest]]] = field(default_factory=dict)

    def remove(self, going: Going) -> Removal:
        """Take one thing away, with what is there for it alone.

        Raises EngineError or RegistryError; then it may be gone in part, and the next run goes on.
        """
        with ExitStack() as held:
            for key in sorted(going.found.keys):
                name = f"{going.found.layer}@{key}"
                for lock in (name, f"push-{name}"):
                    if not held.enter_context(self.state.lock(lock, wait=False)):
                        return Removal(going, "a run in this checkout uses it now")
            engine = going.found.place == "engine"
            skipped = self._from_engine(going.found) if engine else self._from_registry(going)
        return Removal(going, skipped)

    def _from_engine(self, found: Found) -> str:
        store = self.store()
        names = store.names(found.digest)
        if names is None:
            return ""
        if set(names) - set(found.names):
            return "it has another name now"
        if any(each.image == found.digest for each in store.containers()):
            return "a container was made from it meanwhile"
        # The keyed names go last: with them it would be found, and all of it still be there.
        for name in sorted(names, key=lambda name: "@" not in name):
            if not store.remove(name):
                return "the engine says that it is in use"
        if not names and not store.remove(str(found.digest)):
            return "the engine says that it is in use"
        return ""

    def _from_registry(self, going: Going) -> str:
        found = going.found
        if any((found.repository, one) in self._saved for one in found.subjects):
            return "its image is still there"
        if found.record is not None and (found.repository, found.record.text) in self._parts:
            return "an image with its layer is still there"
        skipped = self._deleted(going)
        if skipped:
            self._saved.add((found.repository, found.digest))
            self._parts.update((found.repository, part) for part in found.parts)
        return skipped

    def _deleted(self, going: Going) -> str:
        found = going.found
        host = Reference.parse(found.repository).registry
        if host in self.refusing:
            return "the registry does not allow deletes"
        registry = self.registry()
        tags = self._tags(registry, found)
        if any(digest == found.digest and tag not in found.tags for tag, digest in tags.items()):
            return "another tag points at it now"
        if not any(tags.get(tag) == found.digest for tag in found.tags):
            return "its tag moved or went meanwhile"
        if not registry.delete(found.repository, found.digest):
            self.refusing.add(host)
            return "the registry does not allow deletes"
        # Afterwards, so that nobody finds an image in part.
        for digest in going.below:
            if digest not in tags.values():
                registry.delete(found.repository, digest)
        return ""

    def _tags(self, registry: Registry, found: Found) -> dict[str, Digest]:
        """Where all tags of the repository point: its own as of now, others as of just now."""
        repository = found.repository
        when, known = self._looks.get(repository, (0.0, {}))
        if time.monotonic() - when > _TRUSTED or not known:
            when = time.monotonic()
            known = _heads(registry, repository, registry.tags(repository))
            self._looks[repository] = (when, known)
        else:
            known = {tag: digest for tag, digest in known.items() if tag not in found.tags}
            known |= _heads(registry, repository, found.tags)
        return known


def _heads(registry: Registry, repository: str, tags: Iterable[str]) -> dict[str, Digest]:
    asked = [(repository, tag) for tag in tags]
    return {tag: digest for (_, tag), digest in registry.heads(asked).items()}
