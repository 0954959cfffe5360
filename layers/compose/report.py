"""Reports: a stack that is up, as text for people and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from layers.compose.containers import Container, addresses
from layers.compose.pin import Pinned
from layers.runtime.units import seconds


@dataclass(frozen=True)
class Up:
    """A stack that was brought up."""

    stack: str
    project: str
    containers: tuple[Container, ...]
    pinned: tuple[Pinned, ...]
    host: str
    """The machine that published ports are reached at."""
    seconds: float
    waited: bool = True
    """Whether all services were waited for."""


def as_text(up: Up) -> str:
    """A row a container with its state and addresses, and a line about all of them."""
    rows = [(one.service, one.word, "  ".join(addresses(one, up.host))) for one in up.containers]
    wide = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    lines = [f"{name:<{wide[0]}}  {word:<{wide[1]}}  {at}".rstrip() for name, word, at in rows]
    lines.append(f"{up.stack} is {'up' if up.waited else 'started'}, {seconds(up.seconds)}")
    return "".join(f"{line}\n" for line in lines)


def as_json(ups: Sequence[Up]) -> dict[str, Any]:
    """One object for programs."""
    return {
        "stacks": [
            {
                "name": up.stack,
                "project": up.project,
                "seconds": round(up.seconds, 3),
                "services": [_service(up, one) for one in up.containers],
            }
            for up in ups
        ]
    }


def _service(up: Up, container: Container) -> dict[str, Any]:
    layer = next((p.layer for p in up.pinned if p.service == container.service), None)
    return {
        "name": container.service,
        "container": container.id,
        "state": container.word,
        "addresses": list(addresses(container, up.host)),
        "image": container.image,
        "layer": str(layer) if layer is not None else None,
    }


def change(container: Container) -> str:
    """A line about a container whose state changed."""
    return f"[{container.service}] {container.word}\n"
