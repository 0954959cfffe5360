"""Endpoints: an engine that answers, and what its clients must know."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import NamedTuple

from layers.runtime.files import read_json
from layers.setup.private.paths import Places
from layers.setup.private.processes import Process


class Endpoint(NamedTuple):
    """An engine in use."""

    host: str
    """``unix:///…``, ``tcp://host:port`` or ``ssh://…``."""
    environment: Mapping[str, str]
    """For child processes: DOCKER_HOST, DOCKER_CONFIG, PATH, and TLS settings where needed."""
    private: bool
    """True when the engine is this checkout's own."""
    registry: str | None
    """``127.0.0.1:port`` of the private registry; None beside somebody else's engine."""
    cli: str
    """Path of the ``docker`` program."""
    buildx: tuple[str, ...] = ("docker", "buildx")
    """How to start buildx."""


def answers(host: str, timeout: float = 2.0) -> bool:
    """Whether something accepts connections at ``host``.

    ``ssh://`` is believed. Raises PermissionError for a socket that this user may not use.
    """
    scheme, _, rest = host.partition("://")
    if scheme == "unix":
        return os.path.exists(rest) and _accepts(socket.AF_UNIX, rest, timeout)
    if scheme not in ("tcp", "http", "https"):
        return scheme == "ssh"
    name, _, port = rest.partition("/")[0].rpartition(":")
    if not port.isdigit():
        return False
    if name == "127.0.0.1":  # asking the resolver costs a millisecond of imports
        return _accepts(socket.AF_INET, (name, int(port)), timeout)
    try:
        socket.create_connection((name.strip("[]"), int(port)), timeout).close()
    except (OSError, OverflowError):
        return False
    return True


def _accepts(family: socket.AddressFamily, address: str | tuple[str, int], timeout: float) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(timeout)
        try:
            client.connect(address)
        except PermissionError:
            raise
        except (OSError, OverflowError):
            return False
    return True


def running(places: Places) -> Endpoint | None:
    """The private engine of a checkout, None unless it and its registry are up; about 0.3 ms."""
    state = read_json(places.running)
    if state.get("root") != places.root:  # absent, damaged, or copied from another checkout
        return None
    port = state.get("port")
    registry = Process.load(state.get("registry"))
    if not isinstance(port, int) or registry is None or not registry.alive():
        return None
    places = places.having(state)
    try:
        up = answers(f"unix://{places.socket}") and answers(f"tcp://127.0.0.1:{port}")
    except PermissionError:
        return None
    return private_endpoint(places, port) if up else None


def private_endpoint(places: Places, port: int) -> Endpoint:
    """How to reach a checkout's own engine and its registry on ``port``."""
    environment = {
        "DOCKER_HOST": f"unix://{places.socket}",
        "DOCKER_CONFIG": places.config,
        "PATH": places.search_path,
    }
    if os.environ.get("BUILDX_BUILDER"):
        environment["BUILDX_BUILDER"] = "default"  # the user's builder is not on this engine
    return Endpoint(
        host=environment["DOCKER_HOST"],
        environment=environment,
        private=True,
        registry=f"127.0.0.1:{port}",
        cli=f"{places.packages}/root/usr/bin/docker",
        # The plugin itself: through the CLI it is started twice, which costs 70 ms a build.
        buildx=(f"{places.config}/cli-plugins/docker-buildx",),
    )
