"""Trials: builds a base under a lock that is only tried, and judges what came of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hashes.errors import LayersError
from layers.config.spec import Image
from layers.engine.containers import Containers
from layers.engine.engine import EngineError, LocalImage
from layers.graph.graph import Layer
from layers.lock.lock import Lock
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.refresh import probes
from layers.refresh.image_diff import (
    LayerChange,
    PackageChange,
    layer_changes,
    layer_sizes,
    package_changes,
)
from layers.refresh.inventory import read_inventory
from layers.runtime.events import Warned
from layers.runtime.units import size as readable

GROWTH = 0.1
"""How much larger than before a base may come out without a word, as a share."""


class TooLarge(LayersError):
    """A new build is over the image's ``max_size``."""


@dataclass(frozen=True)
class Tools:
    """The effects of a refresh beside those of a project; tests give their own."""

    containers: Containers
    make: Callable[[Session, Step], None]
    """Makes one layer true, as `layers.build.execute.carry_out`."""
    deliver: Callable[[Session, Step], Digest]
    """Sees to it that the registry has a layer under its key; raises where that fails."""
    clock: Callable[[], str] = lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    """The moment, RFC 3339 in UTC."""


@dataclass(frozen=True)
class Trial:
    """A base that was built and passed; nobody sees it yet."""

    run: Session
    """Under the lock that was tried."""
    image: Image
    held: LocalImage
    key: str
    keyed: str = ""
    """Its name in the engine."""
    probe: str = ""
    same: bool = False
    """Whether it holds what the present image holds."""
    size: int = 0
    """Bytes of its files, unpacked."""
    old: LocalImage | None = None
    old_size: int = 0
    packages: tuple[PackageChange, ...] = ()
    layers: tuple[LayerChange, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def steps(self) -> list[Step]:
        """What was wanted of the plan: the stages that are kept, and the image."""
        return [step for step in self.run.planner.plan.steps.values() if step.needed]

    def discard(self) -> None:
        """Take its names in the engine away."""
        discard(self.run, self.image.name)


def present(run: Session, tools: Tools, image: str) -> tuple[str, LocalImage] | None:
    """The image with the present key, pulled if need be, with its name in the engine.

    None: it is nowhere.  Raises LayersError when it is there and cannot be had.
    """
    layer = Layer(image)
    looking = run.trial(run.project.lock).wanting([layer])
    step = looking.planner.plan.steps[layer]
    if step.state == "build":
        return None
    if step.state == "pull":
        tools.make(looking, step)
    name = step.names.keyed
    held = run.backends.engine.find([name]).get(name)
    return (name, held) if held is not None else None


def ask(run: Session, tools: Tools, image: str) -> str:
    """What the probe says in the present image, as a hash; "" when there is no image.

    Raises LayersError.
    """
    found = present(run, tools, image)
    if found is None:
        return ""
    return probes.ask(tools.containers, run.project.spec.images[image], found[0], environment())


def free_number(run: Session, image: str, first: int, lock: Callable[[int], Lock]) -> int:
    """The first epoch from ``first`` on whose key nobody has: what a killed run left is not
    taken for tonight's.  Raises EngineDown, RegistryError.
    """
    layer = Layer(image)
    number = first
    while True:
        tried = run.trial(lock(number))
        key = tried.project.inputs.key(layer)
        names = tried.planner.names(layer, key)
        held = bool(run.backends.engine.find([names.keyed]))
        if not held and names.remote is not None and run.planner.pushes(layer):
            held = bool(run.backends.registry.heads([(names.remote, names.tag)]))
        if not held:
            return number
        number += 1


def attempt(run: Session, tools: Tools, name: str, lock: Lock) -> Trial:
    """Build a base with its kept stages under ``lock``, from nothing, and judge it.

    Raises LayersError when a step, a test, the budget or the probe says no; then its names are
    gone again.
    """
    begin = time.monotonic()
    image = run.project.spec.images[name]
    layer = Layer(name)
    before = _old(run, tools, name)
    tried = run.trial(lock, (name,))
    stages = tried.project.inputs.image(name).stages
    kept = (Layer(name, stage) for stage in stages if stage in image.push_stages)
    tried = tried.wanting([*kept, layer])
    try:
        for step in tried.planner.plan.steps.values():
            _make(tried, tools, step)
        key = tried.project.inputs.key(layer)
        keyed = tried.planner.names(layer, key).keyed
        held = tried.backends.engine.find([keyed])[keyed]
        found = _compared(_judged(Trial(tried, image, held, str(key)), tools, keyed), tools, before)
    except BaseException:
        discard(tried, name)
        raise
    return replace(found, seconds=time.monotonic() - begin)


def _make(tried: Session, tools: Tools, step: Step) -> None:
    if step.problem:
        raise LayersError(step.problem)
    if not step.idle:
        tools.make(tried, step)


def discard(tried: Session, name: str) -> None:
    """Take the names of a base's layers in the engine away, as far as they were tried."""
    for step in tried.planner.plan.steps.values():
        if step.layer.image == name:
            with contextlib.suppress(EngineError):
                tried.backends.engine.untag(step.names.keyed)


def environment() -> dict[str, str]:
    """What a container needs to know of this machine's network."""
    from layers.host.settings import proxies

    return dict(proxies(os.environ))


def _old(run: Session, tools: Tools, name: str) -> tuple[str, LocalImage] | None:
    try:
        return present(run, tools, name)
    except LayersError as error:
        run.tell(Warned(f"not compared with the image before: {error}", name))
        return None


def _judged(found: Trial, tools: Tools, keyed: str) -> Trial:
    """With its size and what its probe says.  Raises LayersError when budget or tests say no."""
    image = found.image
    taken = _unpacked(tools, keyed, found.held)
    if image.max_size is not None and taken > image.max_size:
        raise TooLarge(
            f"{image.name}: the new image takes {readable(taken)},"
            f" max_size is {readable(image.max_size)}"
        )
    probes.smoke(tools.containers, image, keyed, environment())
    said = probes.ask(tools.containers, image, keyed, environment()) if image.probe else ""
    return replace(found, size=taken, probe=said, keyed=keyed)


def _compared(found: Trial, tools: Tools, before: tuple[str, LocalImage] | None) -> Trial:
    """With what differs from the image before, as far as there was one."""
    if before is None:
        return found
    name, old = before
    warnings = []
    old_size = _unpacked(tools, name, old)
    if old_size and found.size > old_size * (1 + GROWTH):
        warnings.append(f"{(found.size - old_size) / old_size:.0%} larger than before")
    packages: tuple[PackageChange, ...] = ()
    layers: tuple[LayerChange, ...] = ()
    asked = tools.containers
    try:
        packages = package_changes(read_inventory(asked, name), read_inventory(asked, found.keyed))
        layers = layer_changes(layer_sizes(asked, name), layer_sizes(asked, found.keyed))
    except EngineError as error:
        warnings.append(f"its packages were not compared: {error.message}")
    return replace(
        found,
        same=same_content(old, found.held),
        old=old,
        old_size=old_size,
        packages=packages,
        layers=layers,
        warnings=tuple(warnings),
    )


def _unpacked(tools: Tools, name: str, held: LocalImage) -> int:
    """Bytes of an image's layers; what the engine says of it where it has no history."""
    return sum(each.size for each in layer_sizes(tools.containers, name)) or held.size


SETTINGS = (
    *("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Volumes", "ExposedPorts", "Healthcheck"),
    *("OnBuild", "StopSignal", "Shell", "StopTimeout"),
)
"""What of a configuration (OCI image-spec, config.md, and Docker's own) runs differ by."""
_OURS = "io.doit-layers."


def same_content(old: LocalImage, new: LocalImage) -> bool:
    """True when filesystem layers, settings and labels are equal, our own labels left aside."""
    if not old.diff_ids or old.diff_ids != new.diff_ids:
        return False
    return _settings(old.config) == _settings(new.config) and _labels(old) == _labels(new)


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """An empty setting and one that is not there mean the same."""
    return {name: config[name] for name in SETTINGS if config.get(name)}


def _labels(image: LocalImage) -> dict[str, str]:
    return {name: text for name, text in image.labels.items() if not name.startswith(_OURS)}
