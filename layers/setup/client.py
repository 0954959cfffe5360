"""The docker client beside somebody else's engine: there, and new enough."""

from __future__ import annotations

import os
import re
import shutil
from typing import TYPE_CHECKING

from hashes.errors import LayersError
from layers.engine.tried import of_buildx, of_client, version_of
from layers.runtime.events import Warned
from layers.runtime.files import read_json, write_json
from layers.setup.addresses import Address, config_folder
from layers.setup.endpoint import Endpoint

if TYPE_CHECKING:
    from layers.runtime.events import Listener

BUILDX_AT_LEAST = (0, 13)
_INSTALL = (
    "install docker-ce-cli and docker-buildx-plugin (https://docs.docker.com/engine/install/)"
)
_PLUGIN_FOLDERS = (
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
)
"""Where the client looks after its own configuration folder:
https://github.com/docker/cli/blob/v26.1.5/cli-plugins/manager/manager_unix.go"""


def version(text: str) -> str:
    """The version in what ``docker buildx version`` prints; "" when it is not buildx's."""
    words = text.split()
    # Podman answers to the name of docker, and then says "buildah 1.43.2".
    return words[1].removeprefix("v") if len(words) > 1 and "buildx" in words[0] else ""


def client_version(text: str) -> str:
    """The version in what ``docker --version`` prints; "" when it is no docker client's."""
    found = re.match(r"Docker version ([^\s,]+)", text)
    return found[1] if found else ""


def external(root: str, address: Address, listener: Listener | None) -> Endpoint:
    """How to use the engine at ``address``, which answers.

    Client and plugin are asked for their versions only when one of them changed since the last
    time.  Raises LayersError when either is missing, or buildx older than `BUILDX_AT_LEAST`;
    ``listener`` hears once of one that is older or newer than what was tried.
    """
    cli = shutil.which("docker")
    if cli is None:
        raise LayersError(
            f"an engine answers at {address.host}, but there is no `docker` program on PATH",
            hint=_INSTALL,
        )
    environment = {
        "DOCKER_HOST": address.host,
        "DOCKER_CONFIG": config_folder(os.environ),
        "PATH": os.environ.get("PATH", os.defpath),
        **address.environment,
    }
    programs = [_print(path) for path in (cli, *_plugins(environment["DOCKER_CONFIG"]))]
    stamp = os.path.join(root, ".layers", "client.json")
    seen = before = read_json(stamp)
    if seen.get("programs") != programs:
        found = _check(cli, {**os.environ, **environment})
        seen = {"programs": programs, **found, "told": False}
    if listener is not None and not seen.get("told"):
        buildx, client = str(seen.get("buildx")), str(seen.get("client"))
        for remark in (*of_client(client), *of_buildx(buildx)):
            listener(Warned(remark))
        seen = {**seen, "told": True}
    if seen != before:
        os.makedirs(os.path.dirname(stamp), exist_ok=True)
        write_json(stamp, seen)
    return Endpoint(address.host, environment, private=False, registry=None, cli=cli)


def _plugins(config: str) -> list[str]:
    return [f"{folder}/docker-buildx" for folder in (f"{config}/cli-plugins", *_PLUGIN_FOLDERS)]


def _print(path: str) -> list[str | int]:
    """What tells a program from its next release."""
    try:
        stat = os.stat(path)
    except OSError:
        return [path]
    return [path, stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _check(cli: str, environment: dict[str, str]) -> dict[str, str]:
    """The versions of client and buildx."""
    import subprocess

    def say(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [cli, *words], capture_output=True, text=True, env=environment, check=False
        )

    try:
        done = say("buildx", "version")
    except OSError as error:
        raise LayersError(f"{cli} does not run: {error.strerror}", hint=_INSTALL) from None
    said = version(done.stdout) if done.returncode == 0 else ""
    found = version_of(said)
    least = ".".join(map(str, BUILDX_AT_LEAST))
    # Podman 4.3 knows no `buildx version`; later ones answer with buildah's.
    if found is None and (
        done.stdout.startswith("buildah") or say("--version").stdout.startswith("podman")
    ):
        raise LayersError(
            f"{cli} is Podman's, which has no buildx (at least {least} is needed)", hint=_INSTALL
        )
    if found is None:
        raise LayersError(f"`docker buildx` is missing (at least {least} is needed)", hint=_INSTALL)
    if found < BUILDX_AT_LEAST:
        raise LayersError(f"`docker buildx` is {said}; at least {least} is needed", hint=_INSTALL)
    return {"buildx": said, "client": client_version(say("--version").stdout)}
