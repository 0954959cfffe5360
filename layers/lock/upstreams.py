"""Upstreams: where a build takes the images from that we do not build, by digest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from layers.lock.lock import Lock
from layers.lock.pin import Pin, Upstream
from layers.registry.registry import Registry, RegistryError
from layers.runtime.events import Listener, Warned

if TYPE_CHECKING:
    from layers.lock.mirror import Mirror


class Upstreams:
    """Answers, the same for the whole run; nobody is asked before something is built."""

    def __init__(
        self,
        registry: Callable[[], Registry],
        mirror: Callable[[], Mirror | None],
        tell: Listener,
    ) -> None:
        """``mirror`` is where copies are; None: there is no registry of ours."""
        self._registry = registry
        self._mirror = mirror
        self._tell = tell
        self._found: dict[tuple[str, str], str | None] = {}
        self._asking = threading.Lock()

    def pinned(self, upstream: str, platform: str, lock: Lock) -> str | None:
        """An upstream by digest: the copy in our registry, if that is whole.

        None: the lock does not have it, and no registry could be asked; BuildKit may have it.
        """
        if "@" in upstream:
            return upstream
        pin = lock.find(upstream, platform)
        asked = (upstream if pin is None else pin.reference, platform)
        with self._asking:
            if asked not in self._found:
                if pin is None:
                    self._found[asked] = self._resolved(upstream, platform)
                else:
                    self._found[asked] = self._mirrored(pin)
            return self._found[asked]

    def _resolved(self, upstream: str, platform: str) -> str | None:
        from layers.lock.update import resolve_all

        try:
            (pin,) = resolve_all(self._registry(), [Upstream(upstream, platform)])
        except RegistryError as error:
            self._tell(Warned(f"{upstream} was not resolved: {error}"))
            return None
        return pin.reference

    def _mirrored(self, pin: Pin) -> str:
        from layers.lock.mirror import find

        mirror = self._mirror()
        if mirror is None:
            return pin.reference
        try:
            return find(self._registry(), pin, mirror.of(pin.name)) or pin.reference
        except RegistryError as error:
            self._tell(Warned(f"no copy of {pin.name.familiar()} was looked for: {error}"))
            return pin.reference
