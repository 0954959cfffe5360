"""Compose: what we ask of docker compose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hashes.errors import LayersError
from layers.compose.containers import Container


class ComposeError(LayersError):
    """Compose refused a file, or could not do what it says."""


class ComposeMissing(ComposeError):
    """There is no compose beside the docker client, or one that is too old."""


@dataclass(frozen=True)
class Files:
    """A stack as compose is told of it."""

    project: str
    """What its containers, networks and volumes are named after."""
    paths: tuple[str, ...]
    """Absolute; the first one's folder is what relative paths in all of them mean."""


class Starting(Protocol):
    """Containers being made and started, in the order that they need each other."""

    def status(self) -> int | None:
        """The exit status; None while it is at work."""
        ...

    def complaint(self) -> str:
        """What it said went wrong; empty: nothing."""
        ...

    def stop(self) -> None:
        """End it; containers that run go on."""
        ...


class Composer(Protocol):
    """Every call raises ComposeError, and ComposeMissing where there is none."""

    def config(self, files: Files) -> Mapping[str, Any]:
        """The files merged, with variables expanded and paths made absolute."""
        ...

    def hashes(self, files: Files) -> Mapping[str, str]:
        """A hash of each service's settings, as compose labels containers with it."""
        ...

    def start(self, files: Files, services: Sequence[str]) -> Starting:
        """Begin to bring up services and what they need; none are named: all.

        What runs as it should is left alone; what no file names any more is removed.
        """
        ...

    def containers(self, project: str) -> Sequence[Container]:
        """All containers of a project, running or not."""
        ...

    def logs(self, project: str, service: str, lines: int) -> Sequence[str]:
        """The last lines that a service printed."""
        ...

    def down(self, project: str, *, volumes: bool) -> None:
        """Remove containers and networks, and ``volumes`` with all that is in them."""
        ...
