"""Emulators: which platforms the engine in use runs, natively or by an emulator."""

from __future__ import annotations

import os
import subprocess

from hashes.dockerfile.arguments import platform
from layers.runtime import process
from layers.setup.endpoint import Endpoint

_SECONDS = 20


def platforms(endpoint: Endpoint) -> frozenset[str]:
    """What buildx says of the engine's BuildKit; empty: it does not say."""
    try:
        done = process.run(
            [*endpoint.buildx, "inspect", "default"],
            env={**os.environ, **endpoint.environment},
            apart=True,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return read(done.stdout)


def read(told: str) -> frozenset[str]:
    """The platforms in what ``docker buildx inspect`` prints; a ``*`` marks those set by hand."""
    found: set[str] = set()
    for line in told.splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "Platforms":
            for each in filter(None, value.replace("*", "").replace(" ", "").split(",")):
                try:
                    found.add(platform(each))
                except ValueError:
                    continue
    return frozenset(found)
