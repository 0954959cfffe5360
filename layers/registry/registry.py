"""The registry: where images are for everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hashes.errors import LayersError
from layers.oci.digest import Digest

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all."""


class RegistryError(LayersError):
    """The registry refused or failed; the text has method, URL without secrets, and status."""


class RegistryDown(RegistryError):
    """No registry answers at that address."""


class RegistryRefused(RegistryError):
    """The registry does not let us: 401, 403, 405, or a tag that it keeps from moving."""


class RepositoryUnknown(RegistryError):
    """The registry has no such repository, and makes none by itself."""


class RegistryRejected(RegistryError):
    """The registry does not take such content, and will not later: a 4xx in its own words."""


class Manifest(NamedTuple):
    """A manifest or index as the registry holds it."""

    digest: Digest
    media_type: str
    content: Mapping[str, Any]
    size: int
    """Bytes of the manifest itself."""
    raw: bytes = b""
    """The manifest as it came: what to put under another tag, since its bytes are its digest."""


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

    def missing(self, repository: str, manifest: Manifest) -> tuple[Digest, ...]:
        """What ``manifest`` names and the registry does not hold, in its order; () when whole.

        Its config and filesystem layers; for an index its manifests, and what those name. Blobs
        are asked for by HEAD in parallel, layers that live elsewhere (``urls``) are not.
        """
        ...

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags, sorted, every page of them; () for a repository that is not there."""
        ...

    def put_blob(self, repository: str, content: bytes) -> Digest:
        """Store a small blob, at most 16 MiB; one that is there already is not sent."""
        ...

    def parts(self, repository: str, digest: Digest, size: int) -> Iterator[bytes]:
        """The parts of a blob of ``size`` bytes, of any size: never whole in memory.

        The last part comes once all of them are known to be right; whoever reads to the end has
        what the digest says.
        """
        ...

    def upload(
        self, repository: str, digest: Digest, size: int, parts: Callable[[], Iterator[bytes]]
    ) -> None:
        """Store a blob of any size; one that is there already is not sent.

        ``parts`` is asked again where the upload has to begin anew.
        """
        ...

    def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> Digest:
        """Store a manifest under a tag or its own digest, moving that tag; the registry's digest.

        Raises RegistryError when the registry refuses, e.g. since a blob that it names is missing.
        """
        ...

    def copy(self, source: str, digest: Digest, target: str, progress: Progress) -> None:
        """Copy a manifest or index with all that it names from one repository to another.

        Blobs are mounted where both are one registry, else streamed and verified on the way, never
        whole in memory; what the target holds is not sent. The manifest goes last, under its own
        digest, without a tag.
        """
        ...

    def delete(self, repository: str, digest: Digest) -> bool:
        """Delete a manifest with all its tags; False when the registry does not allow that.

        A manifest that is not there is no error: True.
        """
        ...

    def referrers(self, repository: str, digest: Digest) -> Sequence[Mapping[str, Any]] | None:
        """Descriptors of the artifacts whose subject is ``digest`` (OCI 1.1, "Listing Referrers").

        None: the registry has no referrers API; the fallback tag is the caller's to read.
        """
        ...
