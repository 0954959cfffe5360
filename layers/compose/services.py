"""Services: what a compose file says, as far as it decides which images run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.config.sandbox import Sandbox, of_compose

_COMPARED = (
    *("context", "dockerfile", "dockerfile_inline", "target", "args", "additional_contexts"),
    *("network", "platforms", "secrets", "ssh", "extra_hosts", "shm_size", "ulimits"),
)
_HOW = (
    *("cache_from", "cache_to", "no_cache", "no_cache_filter", "pull", "tags"),
    *("provenance", "sbom"),
)
"""How compose would build, and what else it would call the image: not what the image is."""
_NOTHING: tuple[Any, ...] = (None, "", False, [], {}, "default", "0")
"""Values that say no more than a key that is not there."""


@dataclass(frozen=True)
class Build:
    """How compose would build a service's image; what is empty was not said."""

    context: str
    """An absolute folder, or an address that is none of ours."""
    dockerfile: str
    """An absolute path; empty: its text is in the compose file."""
    target: str | None
    """A stage's name or number; None: the last stage."""
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    """An absolute folder, or ``docker-image://…``, ``service:…`` or an address, by its name."""
    network: str = ""
    platforms: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    """``file:/path`` or ``env:NAME`` by id; empty: compose does not tell."""
    ssh: Mapping[str, str] = field(default_factory=dict)
    """A path by id; empty: the agent."""
    sandbox: Sandbox = field(default_factory=Sandbox)
    """What RUN steps run in; what is empty there was not said."""
    others: tuple[str, ...] = ()
    """Keys that have a value, and nothing in images.toml that would say the same."""


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
    platform: str = ""
    """What it is to run on; empty: not said."""


def read_services(config: Mapping[str, Any]) -> tuple[Service, ...]:
    """The services in what ``docker compose config --format json`` tells, by name.

    Compose has merged the files and expanded variables; paths are absolute there.
    """
    secrets = config.get("secrets") or {}
    return tuple(
        Service(
            name,
            str(told.get("image") or ""),
            _build(told.get("build"), secrets),
            tuple(told.get("depends_on") or ()),
            tuple(one for one, how in (told.get("depends_on") or {}).items() if how.get("restart")),
            str(told.get("platform") or ""),
        )
        for name, told in sorted((config.get("services") or {}).items())
    )


def _build(told: Mapping[str, Any] | None, secrets: Mapping[str, Any]) -> Build | None:
    if not told:
        return None
    context = str(told.get("context") or "")
    dockerfile = os.path.join(context, str(told.get("dockerfile") or "Dockerfile"))
    asked = (_secret(each, secrets) for each in told.get("secrets") or ())
    known = (*_COMPARED, *_HOW)
    return Build(
        context,
        "" if told.get("dockerfile_inline") else os.path.normpath(dockerfile),
        told.get("target") or None,
        _texts(told.get("args")),
        _texts(told.get("additional_contexts")),
        str(told.get("network") or ""),
        tuple(map(str, told.get("platforms") or ())),
        dict(asked),
        dict(map(_ssh, told.get("ssh") or ())),
        of_compose(told),
        tuple(
            key
            for key, value in told.items()
            if key not in known and not key.startswith("x-") and value not in _NOTHING
        ),
    )


def _ssh(told: Any) -> tuple[str, str]:
    """Compose tells ``id``, ``id=path``, or both by name."""
    if isinstance(told, dict):
        return str(told.get("id") or ""), str(told.get("path") or "")
    name, _, path = str(told).partition("=")
    return name, path


def _texts(told: Mapping[str, Any] | None) -> dict[str, str]:
    """Without those that have no value, which compose does not hand on."""
    return {name: str(value) for name, value in (told or {}).items() if value is not None}


def _secret(told: Mapping[str, Any], secrets: Mapping[str, Any]) -> tuple[str, str]:
    """The id in the Dockerfile, and where the secret comes from."""
    source = str(told.get("source") or "")
    about = secrets.get(source) or {}
    if about.get("file"):
        place = f"file:{os.path.normpath(str(about['file']))}"
    else:
        place = f"env:{about['environment']}" if about.get("environment") else ""
    return str(told.get("target") or source), place
