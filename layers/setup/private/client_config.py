"""The docker client's configuration for a private engine: its plugins, the user's own logins."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from layers.runtime.files import read_json, write_json
from layers.setup.addresses import config_folder
from layers.setup.private.paths import Places

_LOGINS = ("auths", "credHelpers")
_COPIED = ("credsStore", "proxies", "HttpHeaders")


def merge(users: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """Our configuration, with the user's logins and proxies on top of what was logged in there."""
    merged = dict(ours)
    for name in _LOGINS:
        parts = [part for part in (ours.get(name), users.get(name)) if isinstance(part, dict)]
        if parts:
            merged[name] = {key: value for part in parts for key, value in part.items()}
    merged.update({name: users[name] for name in _COPIED if name in users})
    return merged


def write(places: Places, plugins: Sequence[str], environ: Mapping[str, str]) -> None:
    """Bring the folder for ``DOCKER_CONFIG`` up to date; readable by its owner only."""
    os.makedirs(f"{places.config}/cli-plugins", mode=0o700, exist_ok=True)
    for plugin in plugins:
        link = f"{places.config}/cli-plugins/{os.path.basename(plugin)}"
        if not os.path.islink(link) or os.readlink(link) != plugin:
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(plugin, link)
    folder = config_folder(environ)
    if os.path.realpath(folder) == os.path.realpath(places.config):  # from `doit engine env`
        folder = config_folder({**environ, "DOCKER_CONFIG": ""})
    path = f"{places.config}/config.json"
    ours = read_json(path)
    merged = merge(read_json(f"{folder}/config.json"), ours)
    if merged != ours or not os.path.exists(path):
        write_json(path, merged)
        os.chmod(path, 0o600)
