"""Upstreams: where a build takes the images from that we do not build, by digest."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from layers.config.spec import Image
from layers.graph.graph import Edge
from layers.lock.lock import Pin
from layers.registry.registry import RegistryError
from layers.runtime.events import Warned

if TYPE_CHECKING:
    from layers.project.project import Project


class Upstreams:
    """Answers, the same for the whole run; nobody is asked before something is built."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str | None] = {}
        self._asking = threading.Lock()

    def pinned(self, project: Project, edge: Edge, image: Image) -> str | None:
        """The upstream behind an edge of ``image`` by digest: the copy in our registry, if whole.

        None: the lock does not have it, and no registry could be asked; BuildKit may have it.
        """
        assert edge.upstream is not None
        if "@" in edge.upstream:
            return edge.upstream
        platform = edge.platform or project.spec.platform
        pin = project.inputs.wiring.lock_for(image).find(edge.upstream, platform)
        asked = (edge.upstream if pin is None else pin.reference, platform)
        with self._asking:
            if asked not in self._found:
                if pin is None:
                    self._found[asked] = _resolved(project, edge.upstream, platform)
                else:
                    self._found[asked] = _mirrored(project, pin)
            return self._found[asked]


def _resolved(project: Project, upstream: str, platform: str) -> str | None:
    from layers.lock.lock import Wanted
    from layers.lock.update import resolve_all

    try:
        (pin,) = resolve_all(project.registry, [Wanted(upstream, platform)])
    except RegistryError as error:
        project.tell(Warned(f"{upstream} was not resolved: {error}"))
        return None
    return pin.reference


def _mirrored(project: Project, pin: Pin) -> str:
    host = project.registry_host
    if host is None:
        return pin.reference
    from layers.lock import mirror

    try:
        repository = mirror.repository(host, project.spec.project, pin.name)
        return mirror.find(project.registry, pin, repository) or pin.reference
    except RegistryError as error:
        project.tell(Warned(f"no copy of {pin.name.familiar()} was looked for: {error}"))
        return pin.reference
