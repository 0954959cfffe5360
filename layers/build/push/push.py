"""Pushing: brings a layer into the registry under its key, where it is put once and stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from layers.build.push.claim import claim_tag
from layers.build.push.lease import Contested, claimant, claimed
from layers.build.push.local import fetch, find, name, timed
from layers.engine.engine import EngineError, LocalImage
from layers.engine.errors import MissingContent, UnknownReference
from layers.graph.graph import Layer
from layers.graph.record import Record
from layers.oci.digest import Digest
from layers.plan.learned import TIMES, told
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Step
from layers.plan.presence import held_fast, parts_missing
from layers.plan.session import Session
from layers.project.history import Begun, Took
from layers.registry.referrers import INPUTS, attach
from layers.registry.registry import RegistryError
from layers.runtime.events import Output, Transfer, Warned


@dataclass(frozen=True)
class Delivered:
    """What the registry has under a layer's key."""

    digest: Digest
    pushed: bool
    """False: it was there, or somebody else was quicker."""


def deliver(run: Session, step: Step) -> Delivered:
    """Push a layer that the engine has, unless its key is in the registry; then adopt that.

    An image in the registry that is broken (`Presence.broken`) is replaced, and only such a one.
    Raises RegistryError, EngineError, TagMoved; nothing is overwritten then.
    """
    remote = step.names.remote
    assert remote is not None
    mark = f"{step.layer}@{step.key}"
    with run.project.state.lock(f"push-{mark}"):
        found = _delivered(run, step, remote)
    run.project.state.mark_unpushed(mark, owed=False)
    return found


def _delivered(run: Session, step: Step, remote: str) -> Delivered:
    held = find(run, step)
    theirs = there(run, step, remote)
    if held is None:
        if theirs is not None:
            return Delivered(theirs, pushed=False)
        raise EngineError(f"{step.layer}: {step.key} is not in the engine any more")
    if theirs is not None and (
        _same(run, remote, theirs, held) or _adopted(run, step, remote, theirs)
    ):
        return Delivered(theirs, pushed=False)
    return timed(run, step, "push", lambda: _send(run, step, held, remote))


def attach_record(
    run: Session,
    layer: Layer,
    remote: str,
    digest: Digest,
    took: Iterable[Took] = (),
    record: Record | None = None,
) -> None:
    """Attach what a layer was made from, if nothing is, and how long its image takes.

    ``took``: what this checkout's history does not have yet; ``record``: None is that of the layer
    as it is now.  A failure costs a warning.
    """
    try:
        record = record or run.project.record(layer)
        notes = {LABEL_KEY: str(record.own.key())}
        if times := told(run.project, layer.image, took):
            notes[TIMES] = times
        attach(run.backends.registry, remote, digest, INPUTS, record.to_json().encode(), notes)
    except RegistryError as error:
        said = f"the record was not stored, `doit why` knows this key here only: {error}"
        run.tell(Warned(said, str(layer)))


def there(run: Session, step: Step, remote: str) -> Digest | None:
    """What the key's tag points at; None: nothing, or what is broken.

    Raises RegistryError, and TagMoved where the lock has another digest.
    """
    question = (remote, step.names.tag)
    found = run.backends.registry.heads([question]).get(question)
    if found is None:
        return None
    if found == _broken(run, step):
        # Before anything is replaced: a wrong header, or a pull that failed by itself, is no proof.
        manifest = run.backends.registry.manifest(remote, step.names.tag)
        if manifest is None or run.backends.registry.missing(remote, manifest):
            return None
        found = manifest.digest
    held_fast(step.names, str(step.key), found, run.project.lock.expected)
    return found


def _broken(run: Session, step: Step) -> Digest | None:
    broken = run.planner.presence.broken.get(step.layer)
    return broken.digest if broken is not None else None


def _same(run: Session, remote: str, theirs: Digest, held: LocalImage) -> bool:
    """Whether what the registry has is the very image that the engine holds.

    The classic image store forgets a registry's digest with the name that was pushed; its own
    id is the digest of the config, which the registry's manifest names.
    """
    if theirs == held.digest:
        return True
    manifest = run.backends.registry.manifest(remote, theirs.text)
    config = (manifest.content.get("config") if manifest is not None else None) or {}
    return config.get("digest") == str(held.id)


def _send(run: Session, step: Step, held: LocalImage, remote: str) -> Delivered:
    begun = Begun("push", time.monotonic())
    found = contested(run, step, remote, lambda: _push(run, step, held, remote), begun)
    if not found.pushed and not _same(run, remote, found.digest, held):
        _adopt(run, step, remote, found.digest)
    return found


def contested(
    run: Session,
    step: Step,
    remote: str,
    put: Callable[[], tuple[Digest, Digest]],
    begun: Begun | None = None,
    record: Record | None = None,
) -> Delivered:
    """Bring a layer into the registry by ``put``, unless some other machine is quicker.

    The caller holds this checkout's lock on the push; in a registry of others a claim, too.
    ``begun``: what comes to its end with that, and whose time goes along; ``record``: see
    `attach_record`.  ``put`` gives the digest that it sent, and the one that the key's tag points
    at then.  Raises RegistryError, and what ``put`` raises.
    """
    layer, broken = str(step.layer), _broken(run, step)

    def waits() -> None:
        run.tell(Output(layer, "another machine pushes this key now; waiting for it"))

    def lapses(said: str) -> None:
        run.tell(Warned(said, layer))

    mark = run.project.state.path("claims", f"{layer}@{step.key}".replace(":", "."))
    names = Contested(remote, step.names.tag, f"{step.names.prefix}{claim_tag(str(step.key))}")
    registry = run.backends.registry
    with ExitStack() as held:
        if run.backends.registry_is_own:  # whoever pushes there has the lock that our caller has
            theirs = there(run, step, remote)
        else:
            us, dead = held.enter_context(claimant(mark))
            theirs = held.enter_context(
                claimed(registry, names, broken, waits, us, dead, lapses=lapses)
            )
        if theirs is None:
            digest, theirs = put()
            if theirs == digest:
                took = [begun.took(layer)] if begun is not None else []
                attach_record(run, step.layer, remote, digest, took, record)
                if broken is not None and broken != digest:
                    said = f"{step.key} was broken in the registry ({broken}); replaced by {digest}"
                    run.tell(Warned(said, layer))
                return Delivered(digest, pushed=True)
    return Delivered(theirs, pushed=False)


def _push(run: Session, step: Step, held: LocalImage, remote: str) -> tuple[Digest, Digest]:
    """Upload, and look what the tag points at then: the digest sent, and the one that is there."""
    layer, full = str(step.layer), f"{remote}:{step.names.tag}"
    run.backends.engine.tag(str(held.id), full)
    try:
        sent = run.backends.engine.push(full, lambda d, total: run.tell(Transfer(layer, d, total)))
    except EngineError:
        # A registry whose tags never move refuses the second of two that pushed at once.
        theirs = there(run, step, remote)
        if theirs is None:
            raise
        return held.digest, theirs
    finally:
        run.backends.engine.untag(full)
    return sent, arrived(run, remote, step.names.tag)


def arrived(run: Session, remote: str, tag: str) -> Digest:
    """What a tag that was just put points at.  Raises RegistryError when it is not there."""
    theirs = run.backends.registry.heads([(remote, tag)]).get((remote, tag))
    if theirs is None:
        raise RegistryError(
            f"{remote}:{tag} was pushed, and the registry does not have it",
            hint="does something clean the registry up? Try again",
        )
    return theirs


def _adopted(run: Session, step: Step, remote: str, theirs: Digest) -> bool:
    """Adopt; False for an image that turns out to be broken, which is to be replaced."""
    try:
        _adopt(run, step, remote, theirs)
    except (UnknownReference, MissingContent):
        (lost,) = parts_missing(run.backends.registry, [(remote, theirs)])
        if lost is None:
            raise
        run.planner.distrust({step.layer: lost})
        return False
    return True


def _adopt(run: Session, step: Step, remote: str, theirs: Digest) -> None:
    """Somebody was quicker: what the registry holds under a key stays, and becomes ours.

    A child that is built next starts from it.
    """
    name(run, step, fetch(run, step, f"{remote}@{theirs}"))
    run.tell(
        Warned(f"{step.key} was in the registry already as {theirs}; adopted", str(step.layer))
    )
