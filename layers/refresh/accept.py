"""Accepting: a base that passed goes to the registry and into the lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hashes.errors import LayersError
from layers.graph.graph import Layer
from layers.lock.epochs import Epoch
from layers.lock.lock import Lock
from layers.lock.pin import Upstream
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.refresh.candidate import taken
from layers.refresh.night import BaseResult, call, here
from layers.refresh.trial import Tools
from layers.registry.registry import RegistryError


def delivered(
    run: Session,
    tools: Tools,
    name: str,
    result: BaseResult,
    wanted: Iterable[Upstream],
    refs: Iterable[str],
    lock: Lock,
) -> Lock:
    """Push a base with its stages, see that all arrived, and note the epoch in the lock.

    Raises LayersError; then the lock stays, and nothing points at what was pushed.
    """
    trial = result.trial
    assert trial is not None
    digest = trial.held.digest
    for step in trial.steps:
        pushed = _pushed(trial.run, tools, step)
        if pushed is not None and step.layer == Layer(name):
            digest = pushed
    own = lock.for_image(name, here(run, name))
    names = [*(call(run, each, name) for each in wanted), *refs]
    used = {each: own.fixed(each, here(run, name)) for each in names}
    epoch = Epoch(
        result.number,
        trial.key,
        digest,
        tools.clock(),
        trial.size,
        trial.probe,
        {upstream: fixed for upstream, fixed in used.items() if fixed is not None},
    )
    return taken(lock, name, here(run, name), epoch)


def _pushed(tried: Session, tools: Tools, step: Step) -> Digest | None:
    """The digest in the registry, of an image that is there with all its blobs; None: not pushed.

    Raises LayersError.
    """
    remote = step.names.remote
    if remote is None or not step.push:
        return None
    digest = tools.deliver(tried, step)
    manifest = tried.backends.registry.manifest(remote, str(digest))
    missing = (digest,) if manifest is None else tried.backends.registry.missing(remote, manifest)
    if missing:
        raise RegistryError(
            f"{step.layer}: {remote} does not have {missing[0]}, which was just pushed",
            hint="does something clean the registry up? Run again",
        )
    return digest


def check_keys(final: Session, results: Mapping[str, BaseResult]) -> None:
    """Raise LayersError when a key under the final lock is not the one that was built."""
    for name, each in results.items():
        if each.outcome == "refreshed" and each.trial is not None:
            key = str(final.project.inputs.key(Layer(name)))
            if key != each.trial.key:
                raise LayersError(
                    f"{name}: its key is {key} now, and {each.trial.key} was built",
                    hint="something changed files during the refresh; run again",
                )
