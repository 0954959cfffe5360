"""Programs: ``docker compose`` and ``docker buildx`` as readers of their own files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import NamedTuple

PATIENCE = 60.0
"""Seconds for one answer; a compose file takes a tenth."""
_PLUGINS = (
    "/usr/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
)
_KEPT = ("HOME", "PATH", "LANG", "LC_ALL", "TMPDIR", "DOCKER_CONFIG")
"""All of the environment that reaches them: what is proposed is no one shell's."""


class Answer(NamedTuple):
    """How a program ended."""

    status: int
    out: str
    err: str


class Programs:
    """The readers that there are on this machine; no engine is asked anything."""

    def __init__(self, compose: Sequence[str] | None, bake: Sequence[str] | None) -> None:
        self.compose = compose
        """The words before ``config``; None: there is none."""
        self.bake = bake
        """The words before ``--print``; None: there is none."""

    def run(
        self, words: Sequence[str], folder: str, environment: dict[str, str] | None = None
    ) -> Answer:
        """Run to the end; status 124 where that takes too long, 127 where it cannot start."""
        given = {key: os.environ[key] for key in _KEPT if key in os.environ}
        try:
            done = subprocess.run(
                words,
                cwd=folder,
                env={**given, **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                check=False,
                timeout=PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return Answer(124, "", f"no answer within {PATIENCE:.0f} s")
        except OSError as error:
            return Answer(127, "", f"cannot run {words[0]}: {error.strerror}")
        return Answer(done.returncode, done.stdout, done.stderr)


def find_programs(packages: str) -> Programs:
    """What is installed, or else what the private engine brought below ``packages``."""
    private = f"{packages}/root/usr/libexec/docker/cli-plugins"
    config = os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")
    folders = (f"{config}/cli-plugins", *_PLUGINS, private)
    compose = _plugin("docker-compose", folders)
    buildx = _plugin("docker-buildx", folders)
    # The plugins are programs of their own: without the client before them half the time.
    return Programs(
        (compose,) if compose else None,
        (buildx, "bake") if buildx else None,
    )


def _plugin(name: str, folders: Sequence[str]) -> str | None:
    for folder in folders:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return shutil.which(name)
