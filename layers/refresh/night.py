"""The night: what is found out about upstreams and bases before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hashes.errors import LayersError
from hashes.nothing import NOTHING
from layers.graph.graph import Layer
from layers.lock import mirror
from layers.lock.epochs import Fixed, place, upstream_name
from layers.lock.git import Commit, GitPin, resolve
from layers.lock.lock import Lock
from layers.lock.pin import Pin, Upstream
from layers.lock.resolve import NotOffered
from layers.lock.update import Moved, merge_git, resolve_each
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY
from layers.plan.session import Session
from layers.project.git_refs import git_refs
from layers.refresh.bases import Bases
from layers.refresh.due import Night
from layers.refresh.report import Gone, Outcome
from layers.refresh.trial import Trial
from layers.runtime.events import Warned


@dataclass(frozen=True)
class Upstreams:
    """What the upstreams' tags point at tonight."""

    pins: Mapping[Upstream, Pin] = field(default_factory=dict)
    gone: Mapping[Upstream, LayersError] = field(default_factory=dict)
    """The registry answered that it has no such tag, or not for the platform."""
    failed: Mapping[Upstream, LayersError] = field(default_factory=dict)
    """No answer could be had."""

    def moved(self, lock: Lock) -> tuple[Moved, ...]:
        """Those whose digest is another than that of the shared pin."""
        found = []
        for wanted, pin in self.pins.items():
            old = lock.find(pin.name, wanted.platform)
            if old is None or old.digest != pin.digest:
                was = str(old.digest) if old is not None else ""
                found.append(Moved(pin.name.familiar(), wanted.platform, was, str(pin.digest)))
        return tuple(found)


@dataclass(frozen=True)
class BaseResult:
    """What becomes of one base, as far as it is known."""

    night: Night = field(default_factory=lambda: Night(None))
    reasons: tuple[str, ...] = ()
    outcome: Outcome = "unchanged"
    failure: str = ""
    trial: Trial | None = None
    number: int = 0
    """The epoch that was tried."""
    seconds: float = 0.0


def ask_upstreams(run: Session, wanted: Iterable[Upstream]) -> Upstreams:
    """Resolve each at its own registry, all at once."""
    asked = sorted(set(wanted))
    found = dict(zip(asked, resolve_each(run.backends.registry, asked), strict=True))
    pins = {each: pin for each, pin in found.items() if isinstance(pin, Pin)}
    gone = {each: error for each, error in found.items() if isinstance(error, NotOffered)}
    rest = {each: e for each, e in found.items() if each not in pins and each not in gone}
    failed = {each: error for each, error in rest.items() if isinstance(error, LayersError)}
    return Upstreams(pins, gone, failed)


def here(run: Session, image: str) -> str:
    """The place of one of this run's bases in the lock."""
    return place(run.project.spec.platform_of(image), run.project.spec.profile)


def call(run: Session, wanted: Upstream, image: str) -> str:
    """What a base calls one of its upstreams."""
    name = Reference.parse(wanted.name).familiar()
    return upstream_name(name, wanted.platform, run.project.spec.platform_of(image))


def night(
    run: Session, image: str, wanted: Iterable[Upstream], found: Upstreams, commits: GitRefs
) -> Night:
    """What is known of a base before its probe is asked.

    Raises LayersError when an upstream, a repository, the engine or the registry could not be
    asked, or when an upstream is gone that was never pinned.
    """
    own = run.project.lock.for_image(image, here(run, image))
    pins: dict[str, Fixed] = {}
    tags: dict[str, Fixed] = {}
    for each in wanted:
        if each in found.failed:
            raise found.failed[each]
        name = call(run, each, image)
        pin = own.find(each.name, each.platform)
        if pin is not None:
            pins[name] = pin.digest
        elif each in found.gone:
            raise found.gone[each]
        if each in found.pins:
            tags[name] = found.pins[each].digest
    for address in sorted(commits.of([image])):
        if address in commits.failed:
            raise commits.failed[address]
        if address in own.git:
            pins[address] = Commit(own.git[address].commit)
        tags[address] = Commit(commits.pins[address].commit)
    base = run.project.lock.base(image, here(run, image))
    return Night(base, pins, tags, is_present(run, image))


def is_present(run: Session, image: str) -> bool:
    """Whether an image with the present key is in the engine or the registry.

    Raises EngineDown, RegistryError: no answer is not "not there".
    """
    layer = Layer(image)
    key = run.project.inputs.key(layer)
    names = run.planner.names(layer, key)
    held = run.backends.engine.find([names.keyed]).get(names.keyed)
    if held is not None and held.labels.get(LABEL_KEY) == str(key):
        return True
    if names.remote is None or not run.planner.pushes(layer):
        return False
    return bool(run.backends.registry.heads([(names.remote, names.tag)]))


def gone(run: Session, found: Upstreams) -> tuple[Gone, ...]:
    """The upstreams whose tags are gone, each with where builds take it from now."""
    told = []
    for each in found.gone:
        pin = run.project.lock.find(each.name, each.platform)
        copy = ""
        place = run.backends.mirror()
        if pin is not None and place is not None:
            try:
                copy = mirror.find(run.backends.registry, pin, place.of(pin.name)) or ""
            except LayersError as error:
                run.tell(Warned(f"no copy of {each.name} was looked for: {error}"))
        told.append(Gone(each.name, each.platform, str(pin.digest) if pin else "", copy))
    return tuple(told)


class GitRefs(NamedTuple):
    """What the repositories say of branches and tags tonight, by address."""

    refs: Mapping[str, frozenset[str]] = NOTHING
    """Of every base, also those that were not asked for."""
    pins: Mapping[str, GitPin] = NOTHING
    failed: Mapping[str, LayersError] = NOTHING

    def moved(self, lock: Lock) -> tuple[Moved, ...]:
        """Those whose commit is another than that of the shared pin."""
        return merge_git(lock, self.pins.values(), (), drop_others=False)[1]

    def of(self, bases: Iterable[str]) -> frozenset[str]:
        """The addresses of some bases."""
        return frozenset().union(*(self.refs.get(name, ()) for name in bases))


def ask_git(run: Session, found: Bases, *, everything: bool) -> GitRefs:
    """Ask for what the bases of a run are made from, or for ``everything`` that the lock can hold,
    all at once.
    """
    inputs = run.project.inputs
    known = git_refs(inputs, inputs.graph.order)
    if not known:
        return GitRefs()
    refs = {name: frozenset(git_refs(inputs, images)) for name, images in found.images.items()}
    own = GitRefs(refs).of(found.order)
    told = resolve(known if everything else own)
    pins = {name: each for name, each in told.items() if isinstance(each, GitPin)}
    failed = {name: each for name, each in told.items() if isinstance(each, LayersError)}
    return GitRefs(refs, pins, failed)
