"""This machine: its platform, and where its user's logins for registries are."""

from __future__ import annotations

import os
from collections.abc import Mapping

from layers.engine import EngineDown
from layers.setup.choose import endpoint
from layers.setup.places import Places


def machine_platform() -> str:
    """This machine's platform as BuildKit writes it, e.g. ``linux/amd64``."""
    machine = os.uname().machine
    known = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm/v7", "i686": "386"}
    return f"linux/{known.get(machine, machine)}"


def logins(root: str) -> Mapping[str, str]:
    """The environment in which ``docker login`` ran; no engine is started to find it.

    A private engine that is down has its logins where it has them when it is up.
    """
    try:
        found: Mapping[str, str] = endpoint(root).environment
    except EngineDown:
        config = Places.of(root).config
        found = {"DOCKER_CONFIG": config} if os.path.isdir(config) else {}
    return {**os.environ, **found}
