"""What is known of bases without asking a registry: what has a digest does not change."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable

from layers.assemble.listing import BadListing, Listing
from layers.oci.artifact import MANIFEST_TYPES, digest_of
from layers.oci.digest import Digest
from layers.registry.registry import Manifest, Registry
from layers.runtime.files import write_whole

_MOST = 64
"""Contents; of more the one that was not read for the longest time goes."""
_LARGEST = 16 << 20
"""Bytes of a content; a larger one is not kept."""


class Bases:
    """Manifests, configurations and listings in a folder; what is damaged there counts as absent.

    A folder that cannot be written to keeps nothing.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def manifest(
        self, registry: Callable[[], Registry], repository: str, digest: Digest
    ) -> Manifest | None:
        """The manifest of an image; None: the registry does not have it.  Raises RegistryError."""
        found = self.known(digest)
        if found is None:
            found = registry().manifest(repository, digest.text)
            if found is not None:
                self._put(_name(digest), found.raw)
        return found

    def known(self, digest: Digest) -> Manifest | None:
        """The manifest of an image, if it is kept."""
        raw = self._content(digest)
        value = json.loads(raw) if raw is not None else {}
        if raw is None or value.get("mediaType") not in MANIFEST_TYPES:
            return None
        return Manifest(digest, value["mediaType"], value, len(raw), raw)

    def blob(self, registry: Callable[[], Registry], repository: str, digest: Digest) -> bytes:
        """A small blob, such as a configuration.  Raises RegistryError."""
        found = self._content(digest)
        if found is None:
            found = registry().blob(repository, digest)
            self._put(_name(digest), found)
        return found

    def listing(self, digest: Digest) -> Listing | None:
        """The listing of an image, if it is kept."""
        data = self._get(_listing(digest))
        with contextlib.suppress(BadListing):
            return Listing.from_bytes(data, digest.text) if data is not None else None
        return None

    def remember_listing(self, digest: Digest, data: bytes) -> None:
        """Keep the listing of an image."""
        self._put(_listing(digest), data)

    def whole(self, digest: Digest) -> bool:
        """Whether something can be put upon an image without asking a registry."""
        found = self.known(digest)
        about = (found.content.get("config") or {}).get("digest") if found is not None else None
        if about is None or self._content(Digest(about)) is None:
            return False
        return os.path.exists(self._path(_listing(digest)))

    def _content(self, digest: Digest) -> bytes | None:
        found = self._get(_name(digest))
        return found if found is not None and digest_of(found) == digest else None

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _get(self, name: str) -> bytes | None:
        try:
            with open(self._path(name), "rb") as file:
                content = file.read()
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(self._path(name))
        return content

    def _put(self, name: str, content: bytes) -> None:
        if len(content) > _LARGEST:
            return
        with contextlib.suppress(OSError):
            write_whole(self._path(name), content)
            self._prune()

    def _prune(self) -> None:
        with os.scandir(self._folder) as entries:
            known = [(entry.stat().st_mtime_ns, entry.path) for entry in entries]
        for _, path in sorted(known)[: max(0, len(known) - _MOST)]:
            os.unlink(path)


def _name(digest: Digest) -> str:
    return digest.text.replace(":", "-")


def _listing(digest: Digest) -> str:
    return f"listing-{_name(digest)}"
