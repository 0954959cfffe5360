"""Frontends: which version of the Dockerfile language the engine in use reads."""

from __future__ import annotations

import json

from hashes.dockerfile.frontend import Frontend, named, of_docker
from hashes.errors import LayersError
from layers.engine.engine import Engine
from layers.runtime.files import read_json, write_whole


def ask(engine: Engine, path: str) -> Frontend | None:
    """What an engine brings, by its version; kept in the file ``path``.  Raises EngineError.

    The BuildKit in an engine does not always say which one it is (Debian's: v0.0.0+unknown), so
    the engine's own version tells, which it gives in one small answer.
    """
    version = str(engine.version().get("Version", ""))
    found = of_docker(version)
    if found is not None and read_json(path).get("frontend") != str(found):
        try:
            said = json.dumps({"engine": version, "frontend": str(found)})
            write_whole(path, said.encode())
        except OSError:  # a checkout that cannot be written to
            return found
    return found


def last_asked(path: str) -> Frontend | None:
    """What the engine brought that was asked last; None: none ever was."""
    return named(str(read_json(path).get("frontend", "")))


def whoever_builds(root: str, path: str) -> Frontend | None:
    """What the engine in use brings; where none is up, what the last one did; None: nobody knows.

    No engine is started for that.
    """
    from layers.engine.client import Client
    from layers.engine.docker import DockerEngine
    from layers.setup.choose import endpoint

    try:
        found = endpoint(root)
        return ask(DockerEngine(Client(found.host, found.environment)), path)
    except LayersError:
        return last_asked(path)
