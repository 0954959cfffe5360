"""Paths: where a checkout's private engine keeps its things."""

from __future__ import annotations

import hashlib
import itertools
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from layers.runtime.files import read_json

VERSIONS = ("26", "28")
"""Major versions of Docker that a private engine can have; the first unless another is asked."""

STORES = ("containerd", "classic")
"""How an engine keeps images: as registries do, or unpacked (its graph drivers)."""

SOCKET_LIMIT = 107
"""Bytes that fit into ``sun_path`` beside its closing NUL (unix(7))."""

RUN_PREFIX = "/run/doit-layers-"
"""Followed by a checkout's id: what must be gone after a reboot, and a short path for sockets."""


class Places(NamedTuple):
    """All paths and names of one checkout's engine; computed, nothing is looked up."""

    root: str
    """The checkout, absolute and without symbolic links."""
    id: str
    """8 hex digits from ``root``: two checkouts never share one in practice."""
    version: str = VERSIONS[0]
    store: str = STORES[0]

    @classmethod
    def of(cls, root: str) -> Places:
        """The places of the checkout at ``root``, as if nobody had chosen another engine."""
        real = os.path.realpath(root)
        return cls(real, hashlib.sha256(os.fsencode(real)).hexdigest()[:8])

    @classmethod
    def chosen(cls, root: str) -> Places:
        """The places with the version and the store that this checkout's engine had last."""
        places = cls.of(root)
        return places.having(read_json(places.settings))

    def having(self, state: Mapping[str, Any]) -> Places:
        """The places of the version and the store that a state file has; damaged: the default."""
        version, store = state.get("version"), state.get("store")
        return self._replace(
            version=version if version in VERSIONS else VERSIONS[0],
            store=store if store in STORES else STORES[0],
        )

    @property
    def kind(self) -> dict[str, str]:
        """Version and store, as `having` reads them from a state file."""
        return {"version": self.version, "store": self.store}

    @property
    def engine(self) -> str:
        """The folder of the engine: data, configuration, logs."""
        return f"{self.root}/.layers/engine"

    @property
    def data(self) -> str:
        """dockerd's data root: images, containers, build cache; no two kinds share one.

        An engine does not read what a newer one wrote.
        """
        return f"{self.engine}/data{self._version}{_suffix(self.store, STORES)}"

    @property
    def all_data(self) -> list[str]:
        """The data roots of every kind of engine that this checkout may have had."""
        kinds = itertools.product(VERSIONS, STORES)
        return [self._replace(version=version, store=store).data for version, store in kinds]

    @property
    def packages(self) -> str:
        """The downloaded and unpacked packages of the version; both stores use the same."""
        return f"{self.engine}/packages{self._version}"

    @property
    def _version(self) -> str:
        return _suffix(self.version, VERSIONS)

    @property
    def config(self) -> str:
        """The folder for ``DOCKER_CONFIG``."""
        return f"{self.engine}/config"

    @property
    def lock(self) -> str:
        """Held by whoever starts or stops this engine."""
        return f"{self.engine}/lock"

    @property
    def settings(self) -> str:
        """Choices that stay: port, addresses, snapshotter."""
        return f"{self.engine}/settings.json"

    @property
    def running(self) -> str:
        """What is up now; there only while engine and registry are believed to be up."""
        return f"{self.engine}/running.json"

    @property
    def log(self) -> str:
        """What dockerd and its containerd say."""
        return f"{self.engine}/dockerd.log"

    @property
    def registry_log(self) -> str:
        """What the registry says, with a line for each request."""
        return f"{self.engine}/registry.log"

    @property
    def registry_data(self) -> str:
        """The registry's blobs and tags; outlives the engine."""
        return f"{self.root}/.layers/registry"

    @property
    def run(self) -> str:
        """The folder for what a reboot ends."""
        return RUN_PREFIX + self.id

    @property
    def owner(self) -> str:
        """Says whose ``run`` is, for when the checkout has vanished."""
        return f"{self.run}/owner.json"

    @property
    def socket(self) -> str:
        """The engine's socket: in the checkout, or under /run where that is too deep, or where
        docker's clients, which take an address for a URL, would read its path otherwise.
        """
        path = f"{self.engine}/docker.sock"
        fits = len(os.fsencode(path)) <= SOCKET_LIMIT and re.fullmatch(r"[\w./@+,:=~-]+", path)
        return path if fits else f"{self.run}/docker.sock"

    @property
    def bridge(self) -> str:
        """The network interface of this engine's containers (at most 15 characters)."""
        return f"dl-{self.id}"

    @property
    def chain(self) -> str:
        """The iptables chain of this engine's rules (at most 28 characters)."""
        return f"DOIT-LAYERS-{self.id}"

    @property
    def search_path(self) -> str:
        """``PATH`` for children: the unpacked programs first, the caller's own after them."""
        own = [f"{self.packages}/root/usr/bin", f"{self.packages}/root/usr/sbin"]
        rest = os.environ.get("PATH", os.defpath).split(os.pathsep)
        return os.pathsep.join(own + [part for part in rest if part not in own])


def _suffix(value: str, choices: tuple[str, ...]) -> str:
    """Nothing for the default, so that what earlier releases fetched is found."""
    return "" if value == choices[0] else f"-{value}"
