"""The night: what is found out about upstreams and bases before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hashes.errors import LayersError
from layers.graph.graph import Layer
from layers.lock import mirror
from layers.lock.epochs import place, upstream_name
from layers.lock.git import GitPin, resolve
from layers.lock.lock import Lock
from layers.lock.pin import Pin, Upstream
from layers.lock.resolve import NotOffered
from layers.lock.update import Moved, merge_git, resolve_each
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY
from layers.plan.session import Session
from layers.project.git_refs import git_refs
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


def night(run: Session, image: str, wanted: Iterable[Upstream], found: Upstreams) -> Night:
    """What is known of a base before its probe is asked.

    Raises LayersError when an upstream, the engine or the registry could not be asked, or when an
    upstream is gone that was never pinned.
    """
    own = run.project.lock.for_image(image, here(run, image))
    pins, tags = {}, {}
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
    """What the repositories say tonight."""

    moved: tuple[Moved, ...] = ()
    pins: tuple[GitPin, ...] = ()
    """Those that may move."""
    failures: tuple[str, ...] = ()

    def over(self, lock: Lock) -> Lock:
        """A lock with what may move."""
        return lock.with_git(self.pins) if self.pins else lock


def ask_git(run: Session, bases: Iterable[str]) -> GitRefs:
    """Ask for all that the lock can hold.

    What a base is made from stays, and is told if it moved: a base moves by its own trial alone,
    and that knows of images only.
    """
    inputs, lock = run.project.inputs, run.project.lock
    graph = inputs.graph
    known = git_refs(inputs, graph.order)
    stay = git_refs(inputs, graph.closure(bases)) if known else {}
    found = resolve(known)
    pins = [each for each in found.values() if isinstance(each, GitPin)]
    for pin in pins:
        before = lock.git.get(pin.address)
        if pin.address in stay and before is not None and before.commit != pin.commit:
            said = f"{pin.address} is at {pin.commit} now; `doit lock` moves it"
            run.tell(Warned(said, stay[pin.address]))
    free = tuple(p for p in pins if p.address not in stay or p.address not in lock.git)
    _, moved = merge_git(lock, free, (), drop_others=False)
    failures = tuple(str(each) for each in found.values() if isinstance(each, LayersError))
    return GitRefs(moved, free, failures)
