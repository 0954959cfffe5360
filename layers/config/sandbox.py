"""Sandboxes: what RUN steps run in, beside their network; as BuildKit has it, part of the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from layers.config.faults import Faults
from layers.config.shapes.shape import BAD, Shape, Text, Whole, described
from layers.config.shapes.table import Map
from layers.config.toml import Path
from layers.runtime.units import parse_size

_HOST = (r"^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$", "a host's name")
_LIMITS = (
    *("as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile"),
    *("nproc", "rss", "rtprio", "rttime", "sigpending", "stack"),
)
"""Of github.com/docker/go-units, ulimit.go."""


class Sandbox(NamedTuple):
    """What is empty or 0 is as the builder has it."""

    add_hosts: tuple[str, ...] = ()
    """``name:address`` in ``/etc/hosts``, sorted."""
    shm_size: int = 0
    """Bytes of ``/dev/shm``."""
    ulimits: tuple[str, ...] = ()
    """``name=soft:hard``, sorted."""
    cgroup_parent: str = ""

    def options(self) -> tuple[str, ...]:
        """The words that buildx is told."""
        words = [f"--add-host={each}" for each in self.add_hosts]
        words += [f"--shm-size={self.shm_size}"] if self.shm_size else []
        words += [f"--ulimit={each}" for each in self.ulimits]
        words += [f"--cgroup-parent={self.cgroup_parent}"] if self.cgroup_parent else []
        return tuple(words)


class _Limit:
    """One number for both limits, or ``soft:hard``; -1 is none."""

    _TEXT = Text("", r"^(?:-1|[0-9]+)(?::(?:-1|[0-9]+))?$", "a limit such as 1024 or '1024:2048'")
    _NUMBER = Whole("", -1)

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        if not isinstance(value, str):
            return self._NUMBER.check(value, path, faults)
        found = self._TEXT.check(value, path, faults)
        soft, _, hard = value.partition(":")
        if found is not BAD and _above(soft, hard or soft):
            faults.add(path, f"the soft limit {soft} is above the hard one, {hard}")
            return BAD
        return found

    def schema(self) -> dict[str, Any]:
        return described("", {"anyOf": [self._NUMBER.schema(), self._TEXT.schema()]})


NETWORK = Text(
    "Network of RUN steps.",
    choices=("default", "none", "host"),
    why="RUN steps run in BuildKit, which is in no network of docker's or compose's",
)
KEYS: dict[str, Shape] = {
    "add_hosts": Map(
        "Names of hosts that RUN steps know, and their addresses; 'host-gateway' is the builder's"
        " own machine.",
        Text("", *_HOST),
        Text("", r"^(?:host-gateway|[0-9a-fA-F.:]*[.:][0-9a-fA-F.:]*)$", "an address"),
    ),
    "shm_size": Text(
        "Size of /dev/shm in RUN steps.",
        r"^[0-9]+(?:\.[0-9]+)? ?(?:[kKMGT]i?)?B$",
        "a size such as '64 MiB' or '2 GB'",
    ),
    "ulimits": Map(
        "Limits of RUN steps: a number, or 'soft:hard'; -1 is none.",
        Text("", choices=_LIMITS),
        _Limit(),
    ),
    "cgroup_parent": Text("The cgroup that RUN steps run in.", r"^\S+$", "a cgroup's path"),
}
"""What an image's table may say of it."""


def sandbox_of(table: Mapping[str, Any]) -> Sandbox:
    """The sandbox that a table asks for, whose shape is right."""
    return Sandbox(
        tuple(sorted(f"{name}:{at}" for name, at in table.get("add_hosts", {}).items())),
        parse_size(table["shm_size"]) if "shm_size" in table else 0,
        tuple(sorted(_limit(name, each) for name, each in table.get("ulimits", {}).items())),
        table.get("cgroup_parent", ""),
    )


def _limit(name: str, written: int | str) -> str:
    soft, _, hard = str(written).partition(":")
    return f"{name}={soft}:{hard or soft}"


def of_compose(told: Mapping[str, Any]) -> Sandbox:
    """What a build of ``docker compose config`` says of its RUN steps' sandbox."""
    return Sandbox(
        tuple(sorted(str(each).replace("=", ":", 1) for each in told.get("extra_hosts") or ())),
        int(told.get("shm_size") or 0),
        tuple(sorted(_both(name, each) for name, each in (told.get("ulimits") or {}).items())),
    )


def _both(name: str, told: Any) -> str:
    both = told if isinstance(told, dict) else {"soft": told, "hard": told}
    return f"{name}={both.get('soft')}:{both.get('hard')}"


def _above(soft: str, hard: str) -> bool:
    return hard != "-1" and (soft == "-1" or int(soft) > int(hard))
