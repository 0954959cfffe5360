"""What is known of bases without asking a registry: what has a digest does not change."""

from __future__ import annotations

import contextlib
import json
import os

from layers.assemble.listing import BadListing, Listing
from layers.oci.artifact import MANIFEST_TYPES, digest_of
from layers.oci.digest import Digest
from layers.plan.session import Session
from layers.registry.registry import Manifest
from layers.runtime.files import write_whole

_MOST = 64
"""Contents; of more the one that was not read for the longest time goes."""
_LARGEST = 16 << 20
"""Bytes of a content; a larger one is not kept."""


def manifest(run: Session, repository: str, digest: Digest) -> Manifest | None:
    """The manifest of an image; None: the registry does not have it.  Raises RegistryError."""
    raw = _content(run, digest)
    value = json.loads(raw) if raw is not None else {}
    if raw is not None and value.get("mediaType") in MANIFEST_TYPES:
        return Manifest(digest, value["mediaType"], value, len(raw), raw)
    found = run.backends.registry.manifest(repository, digest.text)
    if found is not None:
        remember(run, found.raw)
    return found


def blob(run: Session, repository: str, digest: Digest) -> bytes:
    """A small blob, such as a configuration.  Raises RegistryError."""
    found = _content(run, digest)
    if found is None:
        found = run.backends.registry.blob(repository, digest)
        remember(run, found)
    return found


def remember(run: Session, content: bytes) -> None:
    """Keep a manifest or a configuration."""
    _kept(run).put(_name(digest_of(content)), content)


def listing(run: Session, digest: Digest) -> Listing | None:
    """The listing of an image; None where it is not kept, or damaged."""
    data = _kept(run).get(f"listing-{_name(digest)}")
    with contextlib.suppress(BadListing):
        return Listing.from_bytes(data, digest.text) if data is not None else None
    return None


def remember_listing(run: Session, digest: Digest, data: bytes) -> None:
    """Keep the listing of an image."""
    _kept(run).put(f"listing-{_name(digest)}", data)


def _content(run: Session, digest: Digest) -> bytes | None:
    found = _kept(run).get(_name(digest))
    return found if found is not None and digest_of(found) == digest else None


def _name(digest: Digest) -> str:
    return digest.text.replace(":", "-")


def _kept(run: Session) -> _Kept:
    return _Kept(run.project.state.path("bases"))


class _Kept:
    """A folder of contents; one that is damaged is found out by who asks for it."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes | None:
        """The content of a name; None: it is not here."""
        path = os.path.join(self._folder, name)
        try:
            with open(path, "rb") as file:
                content = file.read()
        except OSError:
            return None
        with contextlib.suppress(OSError):  # a checkout that cannot be written to
            os.utime(path)
        return content

    def put(self, name: str, content: bytes) -> None:
        """Keep a content, where that is possible."""
        if len(content) > _LARGEST:
            return
        with contextlib.suppress(OSError):
            write_whole(os.path.join(self._folder, name), content)
            self._prune()

    def _prune(self) -> None:
        with os.scandir(self._folder) as entries:
            known = [(entry.stat().st_mtime_ns, entry.path) for entry in entries]
        for _, path in sorted(known)[: max(0, len(known) - _MOST)]:
            os.unlink(path)
