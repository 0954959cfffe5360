"""The project's own table: its registry and its platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashes.dockerfile.arguments import ARCHITECTURES
from hashes.errors import LayersError, did_you_mean
from layers.config.faults import Faults, SpecError
from layers.oci.reference import is_registry

_ARCHITECTURES = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"),
)


def registry_of(
    project: Mapping[str, Any],
    chosen: Mapping[str, Any],
    profile: str | None,
    override: str | None,
    faults: Faults,
) -> str | None:
    """The registry that counts; ``chosen`` is the profile's table.  Raises SpecError."""
    for path, table in (
        (("project", "registry"), project),
        (("profiles", profile or "", "registry"), chosen),
    ):
        text = table.get("registry", "engine")
        if text != "engine" and not is_registry(text):
            hint = "the host needs a dot or a port, or must be localhost; no https://"
            faults.add(path, f"{text!r} is no host[:port][/path]", hint)
    if override and override != "engine" and not is_registry(override):
        bad = LayersError(f"LAYERS_REGISTRY: {override!r} is no host[:port][/path]")
        raise SpecError([bad])
    if override is not None:
        return override or None
    found: str | None = chosen.get("registry", project.get("registry"))
    return found


def platform_of(written: str | None, machine: str, faults: Faults) -> str:
    """The platform to build for, this machine's where none is written."""
    if written is None:
        return machine
    architecture = written.split("/")[1]
    if architecture not in _ARCHITECTURES:
        other = ARCHITECTURES.get(architecture)
        guess = f" (did you mean {other!r}?)" if other else ""
        guess = guess or did_you_mean(architecture, _ARCHITECTURES)
        message = f"unknown architecture {architecture!r}{guess}"
        faults.add(("project", "platform"), message)
    return "linux/arm64" if written == "linux/arm64/v8" else written
