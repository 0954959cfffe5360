"""Services: what a compose file says, as far as it decides which images run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Build:
    """How compose would build a service's image."""

    context: str
    """An absolute folder, or an address that is none of ours."""
    dockerfile: str
    """An absolute path."""
    target: str | None
    """A stage's name or number; None: the last stage."""


@dataclass(frozen=True)
class Service:
    """One service of a stack."""

    name: str
    image: str
    """As written, variables expanded; empty: compose would name what it builds."""
    build: Build | None
    needs: tuple[str, ...] = ()
    """Services that it starts after."""
    follows: tuple[str, ...] = ()
    """Those of them that it is restarted with."""


def read_services(config: Mapping[str, Any]) -> tuple[Service, ...]:
    """The services in what ``docker compose config --format json`` tells, by name.

    Compose has merged the files and expanded variables; paths are absolute there.
    """
    return tuple(
        Service(
            name,
            str(told.get("image") or ""),
            _build(told.get("build")),
            tuple(told.get("depends_on") or ()),
            tuple(one for one, how in (told.get("depends_on") or {}).items() if how.get("restart")),
        )
        for name, told in sorted((config.get("services") or {}).items())
    )


def _build(told: Mapping[str, Any] | None) -> Build | None:
    if not told or "dockerfile_inline" in told:
        return None
    context = str(told.get("context") or "")
    dockerfile = os.path.join(context, str(told.get("dockerfile") or "Dockerfile"))
    return Build(context, os.path.normpath(dockerfile), told.get("target") or None)
