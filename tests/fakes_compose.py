"""Docker compose in memory, with a clock of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layers.compose.compose import ComposeError, Files
from layers.compose.containers import Container, Port


@dataclass
class MemoryClock:
    """Time that passes only while somebody sleeps."""

    now: float = 0.0

    def monotonic(self) -> float:
        """See `layers.compose.up.Clock`."""
        return self.now

    def sleep(self, seconds: float, /) -> None:
        """See `layers.compose.up.Clock`."""
        self.now += seconds


@dataclass(frozen=True)
class Course:
    """How a service's containers fare: seconds after their start → state, health, exit status."""

    at: Mapping[float, tuple[str, str, int]]

    def state(self, age: float) -> tuple[str, str, int]:
        """The last one that was reached."""
        return self.at[max(begin for begin in self.at if begin <= age)]


WELL = Course({0: ("running", "starting", 0), 3: ("running", "healthy", 0)})
UNCHECKED = Course({0: ("running", "", 0)})


@dataclass
class _Running:
    container: Container
    since: float


@dataclass
class MemoryComposer:
    """Services of one project; what is asked is noted in ``asked``.

    Like compose, it makes containers anew only where the hash of the settings differs.
    """

    clock: MemoryClock
    services: Mapping[str, Mapping[str, Any]]
    courses: dict[str, Course] = field(default_factory=dict)
    complaint: str = ""
    """Not empty: ``up`` ends with 1 after it made the containers, and says this."""
    takes: float = 1.0
    """Seconds that ``up`` is at work."""
    versions: dict[str, str] = field(default_factory=dict)
    """Part of a service's hash; change it and the service has other settings."""
    printed: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    volumes: bool = True
    _running: dict[str, _Running] = field(default_factory=dict)
    _number: int = 0

    def config(self, files: Files) -> Mapping[str, Any]:
        """See `Composer.config`; only JSON files have an effect."""
        self.asked.append("config")
        services = {name: dict(service) for name, service in self.services.items()}
        for path in files.paths:
            if path.endswith(".json"):
                for name, more in json.loads(Path(path).read_text())["services"].items():
                    services[name].update(more)
        return {"name": files.project, "services": services}

    def hashes(self, files: Files) -> dict[str, str]:
        """See `Composer.hashes`."""
        found = self.config(files)["services"]
        return {
            name: json.dumps([service, self.versions.get(name, "")], sort_keys=True)
            for name, service in found.items()
        }

    def start(self, files: Files, services: Sequence[str]) -> MemoryStarting:
        """See `Composer.start`."""
        hashes = self.hashes(files)
        self.asked.append(f"start {' '.join(services)}".strip())
        for name in services or self.services:
            known = self._running.get(name)
            if known is None or known.container.hash != hashes[name]:
                self._number += 1
                image = str(self.config(files)["services"][name].get("image", ""))
                ports = (Port("127.0.0.1", 8000 + self._number, 80, "tcp"),)
                made = Container(name, str(self._number), "", "", 0, image, ports, hashes[name])
                self._running[name] = _Running(made, self.clock.now)
        return MemoryStarting(self, self.clock.now + self.takes)

    def containers(self, project: str) -> tuple[Container, ...]:
        """See `Composer.containers`."""
        found = []
        for name, one in sorted(self._running.items()):
            course = self.courses.get(name, WELL)
            state, health, status = course.state(self.clock.now - one.since)
            own = one.container
            found.append(
                Container(name, own.id, state, health, status, own.image, own.ports, own.hash)
            )
        return tuple(found)

    def logs(self, project: str, service: str, lines: int) -> Sequence[str]:
        """See `Composer.logs`."""
        return self.printed.get(service, [])[-lines:]

    def down(self, project: str, *, volumes: bool) -> None:
        """See `Composer.down`."""
        self.asked.append("down --volumes" if volumes else "down")
        self._running.clear()
        self.volumes = self.volumes and not volumes


@dataclass
class MemoryStarting:
    """See `layers.compose.compose.Starting`."""

    composer: MemoryComposer
    until: float

    def status(self) -> int | None:
        """See `Starting.status`."""
        if self.composer.clock.now < self.until:
            return None
        return 1 if self.composer.complaint else 0

    def complaint(self) -> str:
        """See `Starting.complaint`."""
        return self.composer.complaint

    def stop(self) -> None:
        """See `Starting.stop`."""
        self.composer.asked.append("stop")


class RefusingComposer(MemoryComposer):
    """Compose that does not understand the files."""

    def config(self, files: Files) -> Mapping[str, Any]:
        """See `Composer.config`."""
        raise ComposeError("services.app additional properties 'imge' not allowed")
