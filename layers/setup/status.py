"""Status: what is known about the engine in use, without starting anything."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import Any

from layers.engine.client import Client
from layers.engine.docker import DockerEngine
from layers.engine.engine import EngineDown, EngineError
from layers.host.system import run
from layers.runtime.crash import NAME, version
from layers.setup.choose import endpoint
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places


@dataclass(frozen=True)
class Status:
    """The engine in use, or the private one that would be started."""

    places: Places
    endpoint: Endpoint | None
    """None: no engine answers."""
    version: str | None
    """The engine's own version, None while it does not answer."""
    store: str | None
    """How it keeps images, as in `paths.STORES`; None while it does not answer."""
    used: int
    """Bytes on disk below the private engine and registry; 0 beside somebody else's engine."""
    free: int
    """Bytes left on the disk of the checkout."""

    @property
    def private(self) -> bool:
        """Whether these are this checkout's own places."""
        return self.endpoint is None or self.endpoint.private

    def as_json(self) -> dict[str, Any]:
        """For ``doit engine --json``; a value that is not known is null."""
        found = self.endpoint
        return {
            "doit-layers": version(),
            "running": found is not None,
            "address": found.host if found else None,
            "version": self.version,
            "store": self.store,
            "private": self.private,
            "registry": found.registry if found else None,
            "cli": found.cli if found else None,
            "data": self.places.data if self.private else None,
            "used": self.used if self.private else None,
            "free": self.free,
            "logs": {"engine": self.places.log, "registry": self.places.registry_log}
            if self.private
            else {},
        }

    def rows(self) -> list[tuple[str, str]]:
        """For people."""
        found = self.endpoint
        if found is None:
            rows = [("engine", "none answers; this checkout's own starts when needed")]
        else:
            whose = "this checkout's own" if found.private else "not ours"
            rows = [
                ("engine", f"{found.host} ({whose})"),
                ("version", self.version or "does not say"),
                ("store", f"{self.store} image store" if self.store else "does not say"),
                ("client", found.cli),
                ("registry", found.registry or "none of ours"),
            ]
        if self.private:
            rows += [
                ("data", f"{self.places.data} ({_size(self.used)}, {_size(self.free)} free)"),
                ("logs", self.places.log),
                ("", self.places.registry_log),
            ]
        return [("program", f"{NAME} {version()}"), *rows]


def status(root: str) -> Status:
    """Ask the engine that answers; takes as long as ``du`` does.

    Raises LayersError when an engine is there that cannot be used.
    """
    places = Places.chosen(root)
    try:
        found = endpoint(root)
    except EngineDown:
        found = None
    version = store = None
    if found is not None:
        engine = DockerEngine(Client(found.host, found.environment))
        with contextlib.suppress(EngineError):
            about = engine.about()
            version = about.version or None
            if about.product != "Docker":
                version = f"{about.product} {about.version}"
            store = "containerd" if about.keeps_manifests else "classic"
    private = found is None or found.private
    used = sum(map(_used, (places.data, places.registry_data))) if private else 0
    return Status(places, found, version, store, used, shutil.disk_usage(places.root).free)


def _used(folder: str) -> int:
    if not os.path.isdir(folder):
        return 0
    # Complaints about files that vanish meanwhile come before the sum.
    total = run(["du", "-sx", "--block-size=1", folder]).stdout.strip().rpartition("\n")[2]
    count = total.partition("\t")[0]
    return int(count) if count.isdigit() else 0


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
