"""The scan: looks at engine, registry, git and ``.layers``, and makes the sweep of it all."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from hashes.errors import LayersError
from layers.config.spec import SPEC_FILE
from layers.config.toml import read
from layers.engine.store import Store
from layers.gc.claim_times import ClaimTimes
from layers.gc.engine_images import look_in_engine
from layers.gc.git_history import GitHistory, history
from layers.gc.item import KEY, Found
from layers.gc.local_files import Leftover, leftovers
from layers.gc.ownership import Owned, owned
from layers.gc.registry_images import Looker
from layers.gc.roots import Roots
from layers.gc.sweep import Sweep, make_sweep
from layers.lock.lock import LOCK_FILE
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY
from layers.plan.origins.whole import trunk_keys
from layers.project.backends import Backends
from layers.project.project import Project
from layers.registry.registry import RegistryError
from layers.runtime.files import read_text


@dataclass(frozen=True)
class Scope:
    """What the user wants cleaned."""

    local: bool = True
    remote: bool = True
    keep: int = 3
    """Newest keys of each layer that stay."""
    cache: int | None = None
    """Bytes of build cache that stay; None: it is not touched."""


@dataclass(frozen=True)
class CleanUp:
    """What would go, before anything goes."""

    scope: Scope
    sweep: Sweep
    files: tuple[Leftover, ...] = ()
    cache: int = 0
    """Bytes of build cache that go."""
    notes: tuple[str, ...] = ()
    """What could not be looked at, and what follows from that."""
    whole: bool = True
    """False when something that was to be cleaned could not be looked at."""

    @property
    def empty(self) -> bool:
        """True when there is nothing to do."""
        return not (self.sweep.goes or self.files or self.cache)


@dataclass
class Scan:
    """Gathers it for one project."""

    project: Project
    backends: Backends
    engine: Callable[[], Store]
    scope: Scope
    now: float = field(default_factory=time.time)
    notes: list[str] = field(default_factory=list)
    _unknown: dict[str, set[str]] = field(default_factory=dict)
    """Images that have an error → what they and their repositories in the engine are called."""

    def clean_up(self) -> CleanUp:
        """Look everywhere and judge.  Raises LayersError when it is not certain what is needed."""
        found: list[Found] = []
        roots = self._containers(self.roots)
        if self.scope.local:
            found += look_in_engine(self.store, self.owned, self._made)
        asked = self._registry(found) if self.scope.remote else not self.owned.remote
        sweep = make_sweep(found, roots, keep=self.scope.keep, now=self.now)
        files: tuple[Leftover, ...] = ()
        cache = 0
        if self.scope.local:
            keys = {*roots.keys, *(key for each in sweep.stays for key in each.found.keys)}
            folder = self.project.state.folder
            files = leftovers(folder, self.owned.images, keys if asked else None, self.now)
            if self.scope.cache is not None:
                cache = max(0, self.store.cache() - self.scope.cache)
        whole = (asked or not self.scope.remote) and not self._unknown
        return CleanUp(self.scope, sweep, files, cache, tuple(self.notes), whole)

    @cached_property
    def store(self) -> Store:
        """The engine in use."""
        return self.engine()

    # -- what is needed ------------------------------------------------------------------------

    @cached_property
    def _git(self) -> GitHistory | None:
        found = history(self.project.root)
        if found is None:
            self.notes.append(
                "this is no git repository: of each layer the newest"
                f" {self.scope.keep} stay, whatever other versions of the project need"
            )
        elif found.shallow and self.scope.remote:
            raise LayersError(
                "this clone is shallow: it does not know what other branches need",
                hint="fetch all of it (git fetch --unshallow --tags, and all branches: on GitHub"
                " fetch-depth: 0), or `doit gc --local`",
            )
        return found

    def _versions(self, name: str) -> list[tuple[str, str]]:
        """(where, text) of a file: here, and on each branch and tag."""
        found = []
        try:
            text = read_text(os.path.join(self.project.root, name), name)
            found.append(("this checkout", text))
        except FileNotFoundError:
            pass
        if self._git is not None:
            found += [(each.ref, each.text) for each in self._git.versions(name)]
        return found

    @cached_property
    def projects(self) -> tuple[Project, ...]:
        """The project under every profile, the chosen one first."""
        names = read(self.project.spec.text, SPEC_FILE).get("profiles", {})
        others = [name for name in (None, *names) if name != self.project.profile]
        return (self.project, *(Project(self.project.root, profile=name) for name in others))

    @cached_property
    def owned(self) -> Owned:
        """What is of this project."""
        return owned(
            [each.spec for each in self.projects],
            [text for _, text in self._versions(SPEC_FILE)],
            [text for _, text in self._versions(LOCK_FILE)],
            self.backends.registry_host,
        )

    @cached_property
    def roots(self) -> Roots:
        """What this checkout, its running builds and every branch need."""
        roots = Roots().with_keys(self._present(), "this checkout is at this key")
        for image, names in self._unknown.items():
            roots = roots.with_images(names, f"{image} has an error: nobody knows what it needs")
        busy = [key for name in self.project.state.busy() for key in KEY.findall(name)]
        roots = roots.with_keys(busy, "it is being made or pushed now")
        for where, text in self._versions(LOCK_FILE):
            reason = (
                "images.lock names it"
                if where == "this checkout"
                else ("images.lock of a branch or tag names it")
            )
            roots = roots.with_text(text, reason)
        return roots

    def _present(self) -> list[str]:
        """Keys of all images and stages now, under every profile."""
        found: list[str] = []
        for project in self.projects:
            try:
                for name in project.inputs.graph.order:
                    if fault := project.inputs.fault(name):
                        self._keep(project, name, fault)
                        continue
                    made = project.inputs.image(name)
                    keys = (made.own.key(), *(each.key() for each in made.stages.values()))
                    found += map(str, (*keys, *trunk_keys(project.inputs, name)))
            except LayersError as error:
                if project is self.project:
                    raise
                self.notes.append(
                    f"profile {project.profile or '(none)'}: its keys are not known: {error}"
                )
        self.project.cache.save()
        return found

    def _keep(self, project: Project, name: str, fault: LayersError) -> None:
        """Note that nobody can tell which key of an image is needed now."""
        repository = Reference.parse(project.spec.images[name].tag).untagged()
        self._unknown.setdefault(name, set()).update((name, repository))
        note = f"all of {name} stays, since it has an error: {fault}"
        if note not in self.notes:
            self.notes.append(note)

    def _containers(self, roots: Roots) -> Roots:
        try:
            containers = self.store.containers()
        except LayersError as error:
            if self.scope.local:
                raise
            self.notes.append(f"what containers use is not known: {error.message}")
            return roots
        for each in containers:
            roots = roots.with_digests([each.image], "a container was made from it")
            if key := each.labels.get(LABEL_KEY):
                roots = roots.with_keys([key], "a container was made from it")
        return roots

    def _made(self, key: str) -> bool:
        return key in self._known

    @cached_property
    def _known(self) -> frozenset[str]:
        """Every key that this checkout ever worked on."""
        found = set(self.project.records.remembered())
        try:
            with open(self.project.state.path("history.jsonl"), encoding="utf-8") as file:
                found.update(KEY.findall(file.read()))
        except OSError:
            pass
        return frozenset(found)

    # -- the registry --------------------------------------------------------------------------

    def _registry(self, found: list[Found]) -> bool:
        """Look there; False when not all of it could be seen."""
        places = self.owned.remote
        if not places:
            self.notes.append("there is no registry")
        seen = ClaimTimes.load(self.project.state.path("claims.json"))
        looker = Looker(
            self.backends.registry,
            self.owned.project,
            lambda tag, claim: seen.since(tag, claim, self.now),
        )
        whole = True
        for repository in sorted(places):
            try:
                found += looker.look(repository, places[repository])
            except RegistryError as error:
                whole = False
                self.notes.append(f"{repository} was left alone: {error}")
        seen.save()
        return whole
