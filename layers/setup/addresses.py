"""Addresses of engines: what DOCKER_HOST, the docker context and the default socket say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hashes.errors import LayersError
from hashes.nothing import NOTHING
from layers.runtime.files import read_json

DEFAULT_SOCKET = "/var/run/docker.sock"


class Address(NamedTuple):
    """A place where an engine may answer."""

    host: str
    """As DOCKER_HOST takes it, with its scheme."""
    source: str
    """Who says so, for messages."""
    environment: Mapping[str, str] = NOTHING
    """TLS settings that go with it."""


def config_folder(environ: Mapping[str, str]) -> str:
    """The folder of the user's own docker configuration."""
    return environ.get("DOCKER_CONFIG") or os.path.join(
        environ.get("HOME") or os.path.expanduser("~"), ".docker"
    )


def addresses(environ: Mapping[str, str]) -> Iterator[Address]:
    """Where to look for an engine, the user's own choice first.

    Raises LayersError for a context that is chosen and does not exist.
    """
    host = environ.get("DOCKER_HOST", "")
    if host:
        yield Address(host if "://" in host else f"tcp://{host}", "DOCKER_HOST")
    else:
        context = _context(environ)
        if context is not None:
            yield context
    yield Address(f"unix://{DEFAULT_SOCKET}", "the default socket")


def _context(environ: Mapping[str, str]) -> Address | None:
    """The docker context in use, None for the built-in one called "default"."""
    folder = config_folder(environ)
    name = environ.get("DOCKER_CONTEXT") or read_json(f"{folder}/config.json").get("currentContext")
    if not name or name == "default" or not isinstance(name, str):
        return None
    # The store names folders by the SHA-256 of the context's name:
    # https://github.com/docker/cli/blob/v26.1.5/cli/context/store/metadatastore.go
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = read_json(f"{folder}/contexts/meta/{digest}/meta.json")
    endpoints = meta.get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(docker, dict) or not isinstance(host, str) or not host:
        raise LayersError(
            f"the docker context {name!r} does not exist",
            file=f"{folder}/contexts/meta/{digest}/meta.json",
            hint="`docker context ls` shows those that do; `docker context use default` leaves it",
        )
    tls = f"{folder}/contexts/tls/{digest}/docker"
    environment = {}
    if os.path.isdir(tls):
        environment["DOCKER_CERT_PATH"] = tls
        if not docker.get("SkipTLSVerify"):
            environment["DOCKER_TLS_VERIFY"] = "1"
    return Address(host, f"the docker context {name!r}", environment)
