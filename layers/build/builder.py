"""Builders: the buildx builder or docker context that a name means."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from hashes.errors import LayersError, did_you_mean
from layers.runtime.files import read_json
from layers.setup.addresses import config_folder
from layers.setup.endpoint import Endpoint


class NoBuilder(LayersError):
    """A builder that nobody knows, or one that has no registry to build into."""


@dataclass(frozen=True)
class Builder:
    """A buildx builder or a docker context, and how buildx is started to use it."""

    name: str
    context: bool
    """True: a docker context, whose engine pushes under a tag only."""
    environment: Mapping[str, str] = field(repr=False)
    """Of buildx and docker, whole."""


def find_builder(name: str, endpoint: Endpoint, environ: Mapping[str, str]) -> Builder:
    """The builder of that name, ours or the user's, as buildx finds it.

    A builder comes before a context, a private engine's own before the user's.  Raises NoBuilder
    with a suggestion.
    """
    known: list[str] = []
    ours = endpoint.environment.get("DOCKER_CONFIG", "")
    for folder in dict.fromkeys((ours or config_folder(environ), config_folder(environ))):
        found = {**environ, **endpoint.environment, "DOCKER_CONFIG": folder}
        if endpoint.private and folder != ours:  # a user's builder knows the user's engine
            found = _with(found, environ, ("DOCKER_HOST",))
        found.pop("BUILDX_BUILDER", None)
        instances = os.path.join(environ.get("BUILDX_CONFIG") or f"{folder}/buildx", "instances")
        # buildx keeps builders under their names in lower case (util/imagetools, store/util.go).
        if os.path.isfile(os.path.join(instances, name.lower())):
            return Builder(name, False, found)
        contexts = f"{folder}/contexts/meta"
        digest = hashlib.sha256(name.encode()).hexdigest()
        if os.path.isfile(f"{contexts}/{digest}/meta.json"):
            # buildx builds on a context only where it is the one in use.
            alone = _with(found, {}, ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"))
            return Builder(name, True, {**alone, "DOCKER_CONTEXT": name})
        known += [*_listed(instances), *_contexts(contexts)]
    raise NoBuilder(
        f"there is no buildx builder or docker context {name!r}{did_you_mean(name, known)}",
        hint="`docker buildx ls` shows all; `docker buildx create --name NAME …` or"
        " `docker context create NAME --docker host=…` makes one",
    )


def _with(
    found: Mapping[str, str], other: Mapping[str, str], names: tuple[str, ...]
) -> dict[str, str]:
    """An environment in which ``names`` are as in another one, or absent with it."""
    rest = {name: value for name, value in found.items() if name not in names}
    return {**rest, **{name: other[name] for name in names if name in other}}


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _contexts(folder: str) -> list[str]:
    found = (read_json(f"{folder}/{each}/meta.json").get("Name") for each in _listed(folder))
    return [name for name in found if isinstance(name, str)]
