"""What the environment says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A variable that is not what it must be."""


@dataclass(frozen=True)
class Settings:
    """The backend's settings; the defaults are those of the image."""

    model: str = "/app/models/best.pt"
    every: int = 5
    """One frame of so many is looked at; the others keep what was found last."""
    size: int = 480
    """The longer side of what the model sees, in pixels."""
    quality: int = 70
    """Of JPEG, 1 to 100."""
    frames: str = "/app/frames"
    logs: str = "/app/logs"
    port: int = 8000


def read(env: Mapping[str, str] = os.environ) -> Settings:
    """The settings in ``env``; raises SettingsError with the variable's name."""
    return Settings(
        model=env.get("MODEL_PATH") or Settings.model,
        every=_number(env, "PROCESS_EVERY_N_FRAMES", Settings.every, 1, 1000),
        size=_number(env, "INFERENCE_SIZE", Settings.size, 32, 4096),
        quality=_number(env, "JPEG_QUALITY", Settings.quality, 1, 100),
        frames=env.get("FRAMES_PATH") or Settings.frames,
        logs=env.get("LOGS_PATH") or Settings.logs,
        port=_number(env, "PORT", Settings.port, 1, 65535),
    )


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = env.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise SettingsError(f"{name}: expected a number from {least} to {most}, found {text!r}")
    return int(text)
