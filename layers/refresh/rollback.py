"""Rolling back: a base goes to an earlier epoch, and what it left is no reason to come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hashes.errors import LayersError
from layers.config.spec import no_image
from layers.graph.causes import why
from layers.graph.graph import Layer
from layers.lock.epochs import NEXT, Base, Epoch
from layers.lock.file import LockFile
from layers.lock.lock import Lock
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from layers.plan.session import Session
from layers.refresh import probes
from layers.refresh.candidate import effective
from layers.refresh.night import here
from layers.refresh.trial import Tools, environment, present
from layers.runtime.events import Warned


class NoWayBack(LayersError):
    """An epoch that a base cannot go to."""


@dataclass(frozen=True)
class Went:
    """One base that went to another epoch."""

    image: str
    old: Epoch
    new: Epoch
    above: tuple[str, ...] = ()
    """Bases that are built on it and stay at their epochs: their images have other keys now."""


def known_base(run: Session, image: str) -> Base:
    """What the lock has of a base.  Raises NoWayBack where it has nothing."""
    order = run.project.inputs.graph.order
    if image not in order:
        raise NoWayBack(no_image(image, order).message)
    found = run.project.lock.base(image, here(run, image))
    if found is None:
        known = run.project.lock.bases
        names = [name for name in order if (name, here(run, name)) in known]
        raise NoWayBack(
            f"{image} was never refreshed, so that there is nothing to go back to",
            hint=f"refreshed were: {', '.join(names) or 'none'}",
        )
    return found


def back(lock: Lock, base: Base, to: int | None) -> Lock:
    """The lock with a base at epoch ``to``, None: the one before the present one.

    A pure function.  What the base leaves is remembered as seen, so that only something newer is a
    reason to build it again.  Raises NoWayBack.
    """
    epoch = _chosen(base, to)
    pins = {}
    for name, digest in epoch.upstream.items():
        if lock.fixed(name, base.place) != digest:
            if isinstance(digest, Digest) and lock.known(name, base.place, digest) is None:
                raise NoWayBack(
                    f"{base.image}: epoch {epoch.number} was built from {name} at {digest}, and"
                    f" {lock.path} does not know that any more",
                    hint="take the file of that time out of git's history",
                )
            pins[name] = digest
    left = {**effective(lock, base), **base.seen}
    seen = {name: digest for name, digest in left.items() if digest != epoch.upstream.get(name)}
    return lock.with_bases([base.moved_to(epoch)._replace(pins=pins, seen=seen)])


def _chosen(base: Base, to: int | None) -> Epoch:
    known = ", ".join(str(each.number) for each in base.earlier) or "none"
    if to is None:
        found = next((e for e in base.earlier if e.number < base.now.number), None)
        if found is None:
            raise NoWayBack(
                f"{base.image} is at epoch {base.now.number}, and nothing before it is remembered"
            )
        return found
    if to == base.now.number:
        raise NoWayBack(f"{base.image} is at epoch {to} already")
    found = base.epoch(to)
    if found is None:
        raise NoWayBack(f"{base.image}: epoch {to} is not remembered", hint=f"others: {known}")
    return found


def rollback(
    run: Session, tools: Tools, images: Sequence[str], to: int | None = None
) -> tuple[Went, ...]:
    """Take bases to an earlier epoch each, parents first; the lock alone is written, once.

    Raises NoWayBack where the key would not be that of then, or its image is nowhere.
    """
    with run.project.state.lock("refresh"):
        file = LockFile(run.project.root, run.project.lock)
        before = run
        for name in images:
            known_base(run, name)
        order = [name for name in run.project.inputs.graph.order if name in images]
        for name in order:
            base = known_base(run, name)
            gone_to = run.trial(back(run.project.lock, base, to))
            _same_key(gone_to, name)
            _there(gone_to, name)
            run = gone_to.trial(_with_probe(gone_to, tools, name))
        lock = before.project.lock.replaced_by(run.project.lock)
        file.write(lock)
        return tuple(_went(before, run, name, order) for name in order)


def _went(before: Session, after: Session, name: str, order: Sequence[str]) -> Went:
    graph, known = after.project.inputs.graph, after.project.lock.bases
    above = tuple(
        image
        for image in graph.order
        if (image, here(after, image)) in known and image not in order
        and name in graph.closure([image])
    )  # fmt: skip
    return Went(name, known_base(before, name).now, known_base(after, name).now, above)


def _same_key(run: Session, name: str) -> None:
    """Raise NoWayBack when the files of now do not give the key of then."""
    epoch, layer = known_base(run, name).now, Layer(name)
    key = run.project.inputs.key(layer)
    if str(key) == epoch.key:
        return
    old = run.project.recall(epoch.key)
    causes = [change.text() for change in why(old, run.project.record(layer))] if old else []
    raise NoWayBack(
        f"{name}: epoch {epoch.number} was {epoch.key}, but with the files of now it is {key}"
        + "".join(f"\n  {text}" for text in causes[:5]),
        hint="go back with these, too (git), or with the base below it (doit rollback takes"
        " several); else let `doit refresh` build a new epoch",
    )


def _there(run: Session, name: str) -> None:
    """Raise NoWayBack unless the image of then is in the registry or the engine, unchanged."""
    epoch, layer = known_base(run, name).now, Layer(name)
    names = run.planner.names_now(layer)
    if names.remote is not None:
        question = (names.remote, names.tag)
        found = run.backends.registry.heads([question]).get(question)
        if found == epoch.digest:
            return
        if found is not None:
            raise NoWayBack(
                f"{name}: {names.remote}:{names.tag} is {found}, and was {epoch.digest}",
                hint="someone pushed over a keyed tag",
            )
    held = run.backends.engine.find([names.keyed]).get(names.keyed)
    if held is not None and held.digest == epoch.digest and held.labels.get(LABEL_KEY) == epoch.key:
        if names.remote is not None and run.planner.pushes(layer):
            run.tell(Warned("only this engine has it; `doit publish` brings it back", name))
        return
    raise NoWayBack(
        f"{name}: the image of epoch {epoch.number}, {epoch.digest}, is neither in the registry"
        " nor in the engine",
        hint="it was cleaned up; `doit rollback --list` shows other epochs",
    )


def _with_probe(run: Session, tools: Tools, name: str) -> Lock:
    """The lock with what the probe says in the image gone to: what waits there is known.

    Where the probe cannot be asked, its next answer counts as known.
    """
    image, base = run.project.spec.images[name], known_base(run, name)
    if not image.probe:
        return run.project.lock
    said = NEXT
    try:
        found = present(run, tools, name)
        if found is not None:
            said = probes.ask(tools.containers, image, found[0], environment())
    except LayersError as error:
        run.tell(Warned(f"its probe was not asked, the next refresh will: {error}", name))
    return run.project.lock.with_bases([base._replace(now=base.now._replace(probe=said))])
