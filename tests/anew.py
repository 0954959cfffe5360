"""Anew: an engine of the tests' own with nothing in it, sooner than by its own clean-up."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

from layers.engine.http import Connection, request
from layers.runtime.events import silent
from layers.runtime.files import forget, locked
from layers.setup.endpoint import Endpoint
from layers.setup.private import lifecycle
from layers.setup.private.leftovers import unmount
from layers.setup.private.paths import Places
from layers.setup.private.processes import end, serving

MANY = 400
"""Records of a build cache that take BuildKit longer to give up, 5 to 10 ms each, than an engine
takes to end and to start."""
_PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2")


def is_full(endpoint: Endpoint) -> bool:
    """Whether its build cache has many records; a millisecond each."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(endpoint.host.removeprefix("unix://"))
        connection = Connection(client, 300)
        connection.send(request("GET", "/system/df?type=build-cache"))
        told = json.loads(connection.reply().body)
        connection.close()
    return len(told["BuildCache"] or ()) > MANY


def anew(endpoint: Endpoint) -> None:
    """End a private engine and start it without its data; its registry goes on."""
    assert endpoint.private
    root = Path(endpoint.environment["DOCKER_CONFIG"]).parents[2]
    places = Places.chosen(str(root))
    with locked(places.lock):
        found = serving(places.run)
        for program in _PROGRAMS:
            end(found.get(program, []), patience=20.0)
        forget(places.socket)
        unmount([places.data])
        shutil.rmtree(places.data)
    again = lifecycle.start(places, silent, places.kind)
    assert again == endpoint
