"""Delivering: brings a layer into the registry under its key, where it is put once and stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from layers.build.push.lease import claimant, claimed
from layers.build.push.local import fetch, find, name, timed
from layers.engine.engine import EngineError, LocalImage
from layers.engine.errors import MissingContent, UnknownReference
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.presence import held_fast, parts_missing
from layers.project.project import Project
from layers.registry.referrers import attach
from layers.registry.registry import RegistryError
from layers.runtime.events import Output, Transfer, Warned


@dataclass(frozen=True)
class Delivered:
    """What the registry has under a layer's key."""

    digest: Digest
    pushed: bool
    """False: it was there, or somebody else was quicker."""


def deliver(project: Project, step: Step) -> Delivered:
    """Push a layer that the engine has, unless its key is in the registry; then adopt that.

    An image in the registry that is broken (`Presence.broken`) is replaced, and only such a one.
    Raises RegistryError, EngineError, TagMoved; nothing is overwritten then.
    """
    remote = project.names(step.layer, step.key).remote
    assert remote is not None
    mark = f"{step.layer}@{step.key}"
    with project.state.lock(f"push-{mark}"):
        found = _delivered(project, step, remote)
    project.state.mark_unpushed(mark, owed=False)
    return found


def _delivered(project: Project, step: Step, remote: str) -> Delivered:
    held = find(project, step)
    theirs = there(project, step, remote)
    if held is None:
        if theirs is not None:
            return Delivered(theirs, pushed=False)
        raise EngineError(f"{step.layer}: {step.key} is not in the engine any more")
    if theirs is not None and (theirs == held.digest or _adopted(project, step, remote, theirs)):
        return Delivered(theirs, pushed=False)
    return timed(project, step, "push", lambda: _send(project, step, held, remote))


def attach_record(project: Project, layer: Layer, remote: str, digest: Digest) -> None:
    """Attach what a layer was made from, if nothing is; a failure costs a warning."""
    try:
        attach(project.registry, remote, digest, project.record(layer))
    except RegistryError as error:
        said = f"the record was not stored, `doit why` knows this key here only: {error}"
        project.tell(Warned(said, str(layer)))


def there(project: Project, step: Step, remote: str) -> Digest | None:
    """What the key's tag points at; None: nothing, or what is broken.

    Raises RegistryError, and TagMoved where the lock has another digest.
    """
    question = (remote, str(step.key))
    found = project.registry.heads([question]).get(question)
    if found is None:
        return None
    if found == _broken(project, step):
        # Before anything is replaced: a wrong header, or a pull that failed by itself, is no proof.
        manifest = project.registry.manifest(remote, str(step.key))
        if manifest is None or project.registry.missing(remote, manifest):
            return None
        found = manifest.digest
    held_fast(remote, str(step.key), found, project.lock.expected)
    return found


def _broken(project: Project, step: Step) -> Digest | None:
    broken = project.presence.broken.get(step.layer)
    return broken.digest if broken is not None else None


def _send(project: Project, step: Step, held: LocalImage, remote: str) -> Delivered:
    found = contested(project, step, remote, lambda: _push(project, step, held, remote))
    if not found.pushed and found.digest != held.digest:
        _adopt(project, step, remote, found.digest)
    return found


def contested(
    project: Project, step: Step, remote: str, put: Callable[[], tuple[Digest, Digest]]
) -> Delivered:
    """Bring a layer into the registry by ``put``, unless some other machine is quicker.

    ``put`` gives the digest that it sent, and the one that the key's tag points at then.  Raises
    RegistryError, and what ``put`` raises.
    """
    layer, broken = str(step.layer), _broken(project, step)

    def waits() -> None:
        project.tell(Output(layer, "another machine pushes this key now; waiting for it"))

    mark = project.state.path("claims", f"{layer}@{step.key}".replace(":", "."))
    with (
        claimant(mark) as (us, dead),
        claimed(project.registry, remote, str(step.key), broken, waits, us, dead) as theirs,
    ):
        if theirs is None:
            digest, theirs = put()
            if theirs == digest:
                attach_record(project, step.layer, remote, digest)
                if broken is not None and broken != digest:
                    said = f"{step.key} was broken in the registry ({broken}); replaced by {digest}"
                    project.tell(Warned(said, layer))
                return Delivered(digest, pushed=True)
    return Delivered(theirs, pushed=False)


def _push(project: Project, step: Step, held: LocalImage, remote: str) -> tuple[Digest, Digest]:
    """Upload, and look what the tag points at then: the digest sent, and the one that is there."""
    layer, full = str(step.layer), f"{remote}:{step.key}"
    project.engine.tag(str(held.digest), full)
    try:
        sent = project.engine.push(full, lambda d, total: project.tell(Transfer(layer, d, total)))
    except EngineError:
        # A registry whose tags never move refuses the second of two that pushed at once.
        theirs = there(project, step, remote)
        if theirs is None:
            raise
        return held.digest, theirs
    finally:
        project.engine.untag(full)
    return sent, arrived(project, remote, str(step.key))


def arrived(project: Project, remote: str, tag: str) -> Digest:
    """What a tag that was just put points at.  Raises RegistryError when it is not there."""
    theirs = project.registry.heads([(remote, tag)]).get((remote, tag))
    if theirs is None:
        raise RegistryError(
            f"{remote}:{tag} was pushed, and the registry does not have it",
            hint="does something clean the registry up? Try again",
        )
    return theirs


def _adopted(project: Project, step: Step, remote: str, theirs: Digest) -> bool:
    """Adopt; False for an image that turns out to be broken, which is to be replaced."""
    try:
        _adopt(project, step, remote, theirs)
    except (UnknownReference, MissingContent):
        (lost,) = parts_missing(project.registry, [(remote, theirs)])
        if lost is None:
            raise
        project.distrust({step.layer: lost})
        return False
    return True


def _adopt(project: Project, step: Step, remote: str, theirs: Digest) -> None:
    """Somebody was quicker: what the registry holds under a key stays, and becomes ours.

    A child that is built next starts from it.
    """
    name(project, step, fetch(project, step, f"{remote}@{theirs}"))
    project.tell(
        Warned(f"{step.key} was in the registry already as {theirs}; adopted", str(step.layer))
    )
