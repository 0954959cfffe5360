"""Which engines and clients this was tried with, and what is to be said about any other."""

from __future__ import annotations

import re

from hashes.errors import LayersError
from layers.engine.engine import About
from layers.oci.reference import is_loopback

ENGINE_AT_LEAST = (23, 0)
"""Before it, BuildKit in the engine has no named build contexts (``frontend.contexts``)."""
_ENGINES = ((26, 1), (28, 5))
_BUILDX = ((0, 13), (0, 29))
_COMPOSE = ((2, 26), (2, 40))
"""Oldest and newest that all tests ran on."""

Version = tuple[int, int]


def version_of(text: str) -> Version | None:
    """Major and minor at the beginning of a version; None where there is none."""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def refusal(about: About) -> LayersError | None:
    """Why nothing can be built in such an engine; None: it can."""
    if about.product != "Docker":
        return LayersError(
            f"the engine is {about.product} {about.version}, which has no BuildKit to build with",
            hint="point DOCKER_HOST (or `docker context use`) at a Docker engine, or build"
            " elsewhere: `builder` in images.toml or LAYERS_BUILDER",
        )
    found = version_of(about.version)
    if found is not None and found < ENGINE_AT_LEAST:
        least = ".".join(map(str, ENGINE_AT_LEAST))
        return LayersError(
            f"the engine is Docker {about.version}, and at least {least} is needed: its BuildKit"
            " knows no named build contexts (moby.buildkit.frontend.contexts)",
            hint="upgrade it (https://docs.docker.com/engine/install/), or build elsewhere:"
            " `builder` in images.toml or LAYERS_BUILDER",
        )
    return None


def remarks(about: About, registry: str | None) -> list[str]:
    """What is worth saying once about an engine; ``registry`` is the host that images go to."""
    said = untried("Docker", about.version, _ENGINES)
    if about.system == "Docker Desktop":
        said.append("the engine is Docker Desktop's, which was not tried with doit-layers")
    if about.rootless and registry is not None and is_loopback(registry.partition("/")[0]):
        said.append(
            f"the engine is rootless and does not reach a registry at {registry}: it has a network"
            " of its own; name the registry by this machine's address"
        )
    return said


def of_client(version: str) -> list[str]:
    """The same about the docker client itself."""
    return untried("the docker client", version, _ENGINES)


def of_buildx(version: str) -> list[str]:
    """The same about the client's buildx."""
    return untried("docker buildx", version, _BUILDX)


def of_compose(version: str) -> list[str]:
    """The same about the client's compose."""
    return untried("docker compose", version, _COMPOSE)


def untried(program: str, version: str, tried: tuple[Version, Version]) -> list[str]:
    """A sentence where a version is older or newer than what was tried."""
    found = version_of(version)
    oldest, newest = tried
    if found is None or oldest <= found <= newest:
        return []
    which = "older" if found < oldest else "newer"
    both = " to ".join(".".join(map(str, each)) for each in tried)
    return [f"{program} {version} is {which} than what doit-layers was tried with ({both})"]
