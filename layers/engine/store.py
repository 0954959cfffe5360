"""The store: all that an engine holds, and removing from it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from layers.engine.client import Client
from layers.oci.digest import BadDigest, Digest


@dataclass(frozen=True)
class Stored:
    """An image that an engine holds."""

    identity: Digest
    """Its id there."""
    names: tuple[str, ...] = ()
    """``repository:tag``, and ``repository@digest`` where nothing else in it has a tag."""
    digests: tuple[Digest, ...] = ()
    """Digests that registries know it by."""
    labels: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    """Unix seconds."""
    size: int = 0
    """Bytes, unpacked and, where the engine keeps that too, packed."""


@dataclass(frozen=True)
class Container:
    """A container, running or not."""

    name: str
    image: Digest
    """Its image's id."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Its image's among them."""


class Store(Protocol):
    """What a clean-up asks of an engine.  Every call raises EngineDown when nothing answers."""

    def images(self) -> tuple[Stored, ...]:
        """All images, newest first."""
        ...

    def names(self, identity: Digest) -> tuple[str, ...] | None:
        """What an image is called now, as in `Stored.names`; None: it is gone."""
        ...

    def parts(self, identities: Sequence[Digest]) -> dict[Digest, tuple[str, dict[str, int]]]:
        """Platform of each image, and bytes of what it is made of: equal names, equal parts."""
        ...

    def containers(self) -> tuple[Container, ...]:
        """All containers, stopped ones too."""
        ...

    def remove(self, name: str) -> bool:
        """Forget a name or an unnamed image; False when the engine says that it is in use."""
        ...

    def cache(self) -> int:
        """Bytes of the build cache that no build uses now and no image shares."""
        ...

    def prune(self, keep: int) -> int:
        """Empty the build cache down to ``keep`` bytes; the bytes that became free."""
        ...


class DockerStore:
    """A `Store` over docker's SDK."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def images(self) -> tuple[Stored, ...]:
        """See `Store.images`."""
        with self._client.asking("list", "images"):
            return tuple(_stored(row) for row in self._client.api.images())

    def names(self, identity: Digest) -> tuple[str, ...] | None:
        """See `Store.names`."""
        from docker.errors import NotFound

        with self._client.asking("inspect", str(identity)):
            try:
                return _names(self._client.api.inspect_image(str(identity)))
            except NotFound:
                return None

    def parts(self, identities: Sequence[Digest]) -> dict[Digest, tuple[str, dict[str, int]]]:
        """See `Store.parts`.

        The engine tells no bytes by filesystem layer, but by step of the history, and two images
        that share layers share the beginning of their histories. What it keeps packed beside
        (containerd image store) is counted in proportion.
        """
        from docker.errors import NotFound

        found = {}
        for one in identities:
            with self._client.asking("inspect", str(one)), contextlib.suppress(NotFound):
                about = self._client.api.inspect_image(str(one))
                steps = _steps(self._client.api.history(str(one)))
                platform = f"{about.get('Os', '')}/{about.get('Architecture', '')}"
                found[one] = (platform, _scaled(steps, int(about.get("Size") or 0)))
        return found

    def containers(self) -> tuple[Container, ...]:
        """See `Store.containers`."""
        with self._client.asking("list", "containers"):
            rows = self._client.api.containers(all=True)
        found = []
        for row in rows:
            identity = _digest(row.get("ImageID"))
            if identity is not None:
                name = next(iter(row.get("Names") or ()), row.get("Id", "")[:12])
                found.append(Container(name.lstrip("/"), identity, row.get("Labels") or {}))
        return tuple(found)

    def remove(self, name: str) -> bool:
        """See `Store.remove`; never by force, so that the engine's own checks hold."""
        from docker.errors import APIError

        with self._client.asking("remove", name):
            try:
                self._client.api.remove_image(name)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise
                return error.status_code != 409
        return True

    def cache(self) -> int:
        """See `Store.cache`."""
        with self._client.asking("look into", "the build cache"):
            told = self._client.call("GET", "/system/df", type="build-cache").json()
        # API 1.52 moves the records, and leaves the old place out one day.
        moved = (told.get("BuildCacheUsage") or {}).get("Items")
        records = told.get("BuildCache") or moved or ()
        return sum(
            int(record.get("Size") or 0)
            for record in records
            if not record.get("InUse") and not record.get("Shared")
        )

    def prune(self, keep: int) -> int:
        """See `Store.prune`."""
        # API 1.48 renames it, 1.52 drops the old name: without either, everything would go.
        bounds = {"keep-storage": keep, "reserved-space": keep}
        with self._client.asking("empty", "the build cache"):
            told = self._client.call("POST", "/build/prune", all=1, **bounds).json()
        return int(told.get("SpaceReclaimed") or 0)


def _stored(row: Mapping[str, Any]) -> Stored:
    digests = {_digest(name.rpartition("@")[2]) for name in row.get("RepoDigests") or ()}
    return Stored(
        Digest.parse(str(row["Id"])),
        _names(row),
        tuple(sorted(digest for digest in digests if digest)),
        row.get("Labels") or {},
        float(row.get("Created") or 0),
        int(row.get("Size") or 0),
    )


def _names(row: Mapping[str, Any]) -> tuple[str, ...]:
    names = [name for name in row.get("RepoTags") or () if "<none>" not in name]
    tagged = {name.rpartition(":")[0] for name in names if "@" not in name}
    pinned = [name for name in row.get("RepoDigests") or () if "<none>" not in name]
    # Of a repository with a tag, the engine forgets the digest along with the last tag.
    names += [name for name in pinned if name.partition("@")[0] not in tagged]
    return tuple(dict.fromkeys(names))


def _steps(history: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Bytes of each step, under a name that stands for it and all steps before it."""
    from hashlib import sha256

    found: dict[str, int] = {}
    name = ""
    for step in reversed(history):
        told = [name, step.get("Created"), step.get("CreatedBy"), step.get("Size")]
        name = sha256(json.dumps(told).encode()).hexdigest()
        if size := int(step.get("Size") or 0):
            found[name] = size
    return found


def _scaled(steps: dict[str, int], size: int) -> dict[str, int]:
    """The same with the packed bytes spread over the steps.

    ``size`` is the inspected one: packed bytes where the engine has them, else the sum of steps.
    """
    unpacked = sum(steps.values())
    if not unpacked or size == unpacked:
        return steps
    return {name: count + count * size // unpacked for name, count in steps.items()}


def _digest(text: Any) -> Digest | None:
    try:
        return Digest.parse(str(text))
    except BadDigest:
        return None
