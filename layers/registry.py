"""The registry: where images are for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hashes.errors import LayersError
from layers.digest import Digest

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""All go into ``Accept``: without them an old registry converts and answers another digest."""


class RegistryError(LayersError):
    """The registry refused or failed; the text has method, URL without secrets, and status."""


class RegistryDown(RegistryError):
    """No registry answers at that address."""


@dataclass(frozen=True)
class Manifest:
    """A manifest or index as the registry holds it."""

    digest: Digest
    media_type: str
    content: Mapping[str, Any]
    size: int
    """Bytes of the manifest itself."""


class Registry(Protocol):
    """What we ask of registries; ``repository`` is ``host[:port]/path`` as in an image's name."""

    def heads(self, references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Digest]:
        """Digests behind (repository, tag) pairs, asked in parallel; absent means the registry
        said 404. Raises RegistryDown or RegistryError for any other answer: never "not there".
        """
        ...

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest behind a tag or digest, None for 404."""
        ...

    def blob(self, repository: str, digest: Digest) -> bytes:
        """A small blob (an image's config), verified against its digest."""
        ...
