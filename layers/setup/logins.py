"""Logins: where its user's logins for registries are."""

from __future__ import annotations

import os
from collections.abc import Mapping

from layers.engine.engine import EngineDown
from layers.setup.choose import endpoint
from layers.setup.private.paths import Places


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
