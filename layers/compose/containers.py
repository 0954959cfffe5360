"""Containers: how the containers of a stack are, and whether that is what was asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["ready", "waiting", "failed"]

_HASH = re.compile(r"\bcom\.docker\.compose\.config-hash=([0-9a-f]{64})\b")


@dataclass(frozen=True)
class Port:
    """A port that a container publishes."""

    host: str
    """The address that it is bound to, such as ``0.0.0.0`` or ``::``."""
    number: int
    target: int
    protocol: str


@dataclass(frozen=True)
class Container:
    """One container of a stack, as ``docker compose ps`` tells of it."""

    service: str
    id: str
    state: str
    """Docker's own word: created, running, paused, restarting, exited, dead."""
    health: str
    """starting, healthy, unhealthy; empty: nothing checks it."""
    status: int
    """Exit status; 0 while it runs."""
    image: str
    ports: tuple[Port, ...] = ()
    hash: str = ""
    """Compose's own of the settings that it was made from; empty: not told."""

    @property
    def verdict(self) -> Verdict:
        """Whether it does what it is for; one that ended with 0 has done it."""
        if self.state == "running":
            known: Mapping[str, Verdict] = {"": "ready", "healthy": "ready", "unhealthy": "failed"}
            return known.get(self.health, "waiting")
        if self.state == "exited":
            return "failed" if self.status else "ready"
        return "failed" if self.state == "dead" else "waiting"

    @property
    def word(self) -> str:
        """Its state in a word or two."""
        if self.state == "running":
            return self.health or "running"
        if self.state == "exited":
            return f"ended with {self.status}" if self.status else "done"
        return self.state


def read_containers(text: str) -> tuple[Container, ...]:
    """Containers from ``docker compose ps --all --format json``, by service.

    One object a line, or (before compose 2.21) one array.
    """
    told: list[Mapping[str, Any]] = []
    for line in text.splitlines():
        if line.strip():
            value = json.loads(line)
            told += value if isinstance(value, list) else [value]
    return tuple(sorted(map(_container, told), key=lambda one: (one.service, one.id)))


def _container(told: Mapping[str, Any]) -> Container:
    ports = dict.fromkeys(
        Port(
            str(each.get("URL", "")),
            int(each["PublishedPort"]),
            int(each.get("TargetPort", 0)),
            str(each.get("Protocol", "tcp")),
        )
        for each in told.get("Publishers") or ()
        if each.get("PublishedPort")
    )
    return Container(
        service=str(told.get("Service", "")),
        id=str(told.get("ID", "")),
        state=str(told.get("State", "")),
        health=str(told.get("Health") or ""),
        status=int(told.get("ExitCode") or 0),
        image=str(told.get("Image", "")),
        ports=tuple(ports),
        hash=found[1] if (found := _HASH.search(str(told.get("Labels", "")))) else "",
    )


def verdict(containers: Sequence[Container], services: Iterable[str]) -> Verdict:
    """That of a stack: failed when one has, ready when all are and no service lacks one."""
    found = {one.verdict for one in containers}
    if "failed" in found:
        return "failed"
    lacking = set(services) - {one.service for one in containers}
    return "waiting" if "waiting" in found or lacking else "ready"


def to_blame(containers: Sequence[Container]) -> tuple[Container, ...]:
    """Whose logs tell why a stack is not up: those that failed, else those that others wait for."""
    failed = [one for one in containers if one.verdict == "failed"]
    started = [one for one in containers if one.verdict == "waiting" and one.state != "created"]
    return tuple(failed or started)


def addresses(container: Container, host: str) -> tuple[str, ...]:
    """Where a container is reached from here; ``host`` is the machine that the engine runs on.

    A port that is bound for IPv4 and IPv6 alike is one address.
    """
    found: dict[str, None] = {}
    for port in container.ports:
        at = host if port.host in ("", "0.0.0.0", "::", "127.0.0.1", "::1") else port.host
        at = f"[{at}]" if ":" in at else at
        scheme = "http" if port.protocol == "tcp" else port.protocol
        found[f"{scheme}://{at}:{port.number}"] = None
    return tuple(found)


def host_of(engine: str) -> str:
    """The machine behind an address as in DOCKER_HOST: ``ssh://me@box`` is ``box``."""
    scheme, _, rest = engine.partition("://")
    if scheme not in ("tcp", "http", "https", "ssh"):
        return "127.0.0.1"
    name = rest.partition("/")[0].rpartition("@")[2]
    ends = "]" if name.startswith("[") else ":"
    name = name.lstrip("[").partition(ends)[0]
    return "127.0.0.1" if name in ("", "localhost") else name
