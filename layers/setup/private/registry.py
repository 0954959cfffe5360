"""The private registry: on loopback, beside the engine, its data outliving both."""

from __future__ import annotations

import json
import os
import socket

from layers.runtime.files import write_text
from layers.setup.private.daemon import which_of
from layers.setup.private.paths import Places
from layers.setup.private.processes import Process, end, serving
from layers.setup.private.server import await_ready, ready, size, spawn

_FIRST_PORT = 20000
_PORTS = 10000
"""Below the kernel's range for outgoing connections (32768 and up, ip(7)), which come and go."""


def up(places: Places, port: int | None) -> Process | None:
    """The registry of these places if it answers on ``port``."""
    found = serving(places.run).get("docker-registry", [])
    return found[0] if found and port and ready(("127.0.0.1", port), "/v2/") else None


def start(places: Places, port: int, secret: str) -> Process:
    """Start the registry on ``port`` and wait until it answers.

    Raises LayersError with its last words when it does not come up.
    """
    end(serving(places.run).get("docker-registry", []), patience=5.0)
    os.makedirs(places.registry_data, exist_ok=True)
    settings = f"{places.run}/registry.yml"
    write_text(settings, configuration(places, port, secret))
    since = size(places.registry_log)
    process = spawn(
        [which_of(f"{places.packages}/root", "docker-registry"), "serve", settings],
        places.registry_log,
        # Variables called REGISTRY_… would override the configuration.
        {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")},
    )
    await_ready(process, ("127.0.0.1", port), "/v2/", places.registry_log, since, 20.0)
    return Process.of(process.pid) or process


def configuration(places: Places, port: int, secret: str) -> str:
    """The registry's configuration; JSON is YAML too.

    Fields: https://distribution.github.io/distribution/about/configuration/
    """
    value = {
        "version": 0.1,
        "log": {"level": "info", "formatter": "text", "accesslog": {"disabled": False}},
        "storage": {
            "filesystem": {"rootdirectory": places.registry_data},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"127.0.0.1:{port}", "secret": secret},
    }
    return json.dumps(value, indent=1) + "\n"


def choose_port(places: Places, remembered: int | None) -> int:
    """The port of the last time, or another one when somebody else listens there now."""
    first = int(places.id, 16) % _PORTS
    tries = [remembered] if remembered else []
    tries += [_FIRST_PORT + (first + step) % _PORTS for step in range(_PORTS)]
    return next(port for port in tries if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
