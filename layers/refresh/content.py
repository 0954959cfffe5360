"""Content: whether two images hold the same files and run the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.engine.engine import LocalImage

SETTINGS = (
    *("Env", "Cmd", "Entrypoint", "User", "WorkingDir", "Volumes", "ExposedPorts", "Healthcheck"),
    *("OnBuild", "StopSignal", "Shell", "StopTimeout"),
)
"""What of a configuration (OCI image-spec, config.md, and Docker's own) runs differ by."""
_OURS = "io.doit-layers."


def same_content(old: LocalImage, new: LocalImage) -> bool:
    """True when filesystem layers, settings and labels are equal, our own labels left aside."""
    if not old.diff_ids or old.diff_ids != new.diff_ids:
        return False
    return _settings(old.config) == _settings(new.config) and _labels(old) == _labels(new)


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """An empty setting and one that is not there mean the same."""
    return {name: config[name] for name in SETTINGS if config.get(name)}


def _labels(image: LocalImage) -> dict[str, str]:
    return {name: text for name, text in image.labels.items() if not name.startswith(_OURS)}
