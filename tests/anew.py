"""Anew: an engine of the tests' own with nothing in it, sooner than by its own clean-up."""

from __future__ import annotations

import shutil
from pathlib import Path

from layers.runtime.events import silent
from layers.runtime.files import forget, locked
from layers.setup.endpoint import Endpoint
from layers.setup.private import lifecycle
from layers.setup.private.leftovers import unmount
from layers.setup.private.paths import Places
from layers.setup.private.processes import end, serving

PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2")


def anew(endpoint: Endpoint) -> None:
    """End a private engine and start it without its data; its registry goes on.

    BuildKit takes 10 ms to give up one record of its cache, and a module of random builds leaves
    thousands.
    """
    assert endpoint.private
    root = Path(endpoint.environment["DOCKER_CONFIG"]).parents[2]
    places = Places.chosen(str(root))
    with locked(places.lock):
        found = serving(places.run)
        for program in PROGRAMS:
            end(found.get(program, []), patience=20.0)
        forget(places.socket)
        unmount([places.data])
        shutil.rmtree(places.data)
    again = lifecycle.start(places, silent, places.kind)
    assert again == endpoint
