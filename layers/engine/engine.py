"""The engine: where images are on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from hashes.errors import LayersError
from hashes.nothing import NOTHING
from layers.oci.digest import Digest

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 while unknown)."""


class EngineError(LayersError):
    """The engine refused, failed, or does not answer."""


class EngineDown(EngineError):
    """No engine answers at the address in use."""


class LocalImage(NamedTuple):
    """An image that the engine holds."""

    id: Digest
    """The engine's own: equal ids are the same image, and `Engine.tag` takes it.

    The containerd image store's is the digest of the manifest or index, the classic store's that
    of the config.
    """
    digest: Digest
    """The registry's, of its manifest or index; the id where the engine knows of no registry."""
    names: tuple[str, ...]
    """Every ``repository:tag`` that points at it."""
    labels: Mapping[str, str] = NOTHING
    size: int = 0
    """Bytes, as the engine counts them."""
    diff_ids: tuple[str, ...] = ()
    """Digests of the uncompressed filesystem layers, lowest first."""
    created: str = ""
    """When, by RFC 3339, as the image itself says; "": it does not."""
    config: Mapping[str, Any] = NOTHING
    """How it runs: ``Env``, ``Cmd``, ``User``, … as the engine's API names them."""


class About(NamedTuple):
    """What an engine says of itself."""

    product: str
    """``Docker``, or ``Podman`` which speaks the same API."""
    version: str
    """As it writes it: ``26.1.5+dfsg1``, ``28.5.2``."""
    keeps_manifests: bool = True
    """Whether it has the containerd image store, so that an image's id is its digest."""
    rootless: bool = False
    system: str = ""
    """The operating system around it, such as ``Docker Desktop``."""


class Engine(Protocol):
    """What we ask of a Docker engine besides builds; every call names images by full reference."""

    def find(self, names: Sequence[str]) -> dict[str, LocalImage]:
        """The images behind ``names``; a name that the engine does not know is absent.

        Raises EngineDown when nothing answers. Costs about a millisecond a name.
        """
        ...

    def tag(self, source: str, target: str) -> None:
        """Point ``target`` (``repository:tag``) at the image behind ``source``."""
        ...

    def untag(self, name: str) -> None:
        """Forget a name; the image goes when it was the last. A name unknown is no error.

        An image without a name goes by its id.
        """
        ...

    def pull(self, reference: str, progress: Progress) -> LocalImage:
        """Fetch ``repository@sha256:…`` and return what is there now; verified by digest."""
        ...

    def push(self, name: str, progress: Progress) -> Digest:
        """Send ``registry/repository:tag`` and return the digest that the registry took."""
        ...

    def load(self, digest: Digest, archive: Iterable[bytes]) -> LocalImage:
        """Take in the image of a layout (image-spec, image-layout.md) that comes as a tar.

        What the engine has already may be left out of it, if `About.keeps_manifests`.  It has no
        name then; `tag` it by its id.  Raises EngineError where the engine lacks a part, as far
        as it can tell: nothing is there then.
        """
        ...

    def about(self) -> About:
        """What the engine says of itself; asked once.  Raises EngineDown."""
        ...

    def version(self) -> Mapping[str, Any]:
        """What it says about itself: Version, ApiVersion, Os, Arch and more."""
        ...
