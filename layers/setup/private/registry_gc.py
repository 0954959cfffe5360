"""Freeing what the private registry's deleted manifests held: it has to be stopped for that."""

from __future__ import annotations

import os

from hashes.errors import LayersError
from layers.runtime import process
from layers.runtime.files import locked, read_json, write_json, write_text
from layers.setup.private import registry
from layers.setup.private.daemon import which_of
from layers.setup.private.paths import Places
from layers.setup.private.processes import end, serving


def collect(places: Places) -> int:
    """Stop the registry, free blobs that no manifest names, start it again; bytes freed on disk.

    Manifests without a tag stay: what is attached to an image has none
    (https://distribution.github.io/distribution/about/garbage-collection/). Whoever pushes
    meanwhile finds no registry for a second. Raises LayersError when the registry's program fails;
    the registry runs again then, too.
    """
    with locked(places.lock):
        settings, state = read_json(places.settings), read_json(places.running)
        places = places.having(state)
        port, secret = settings.get("port"), settings.get("secret")
        if not isinstance(port, int) or not isinstance(secret, str) or not state:
            raise LayersError("the private registry does not run", hint="`doit engine start`")
        before = _used(places.registry_data)
        end(serving(places.run).get("docker-registry", []), patience=5.0)
        try:
            _collect(places, port, secret)
        finally:
            server = registry.start(places, port, secret)
            write_json(places.running, {**state, "registry": server.dump()})
        return max(0, before - _used(places.registry_data))


def _collect(places: Places, port: int, secret: str) -> None:
    path = f"{places.run}/registry.yml"
    write_text(path, registry.configuration(places, port, secret))
    done = process.run(
        [which_of(f"{places.packages}/root", "docker-registry"), "garbage-collect", path],
        env={name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")},
        apart=True,
    )
    if done.returncode:
        said = "\n  ".join(done.stderr.splitlines()[-5:])
        raise LayersError(f"the registry could not free its space:\n  {said}")


def _used(folder: str) -> int:
    """Bytes on disk below a folder."""
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(base, name)).st_blocks * 512
            except OSError:  # it went meanwhile
                continue
    return total
