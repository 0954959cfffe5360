"""Image layouts: an image and what it is made of as one archive (image-spec, image-layout.md)."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from layers.oci.artifact import INDEX_TYPE
from layers.oci.digest import Digest


class Content(NamedTuple):
    """A manifest or a blob that goes into a layout."""

    digest: Digest
    size: int
    """In bytes."""
    parts: Callable[[], Iterator[bytes]]
    """The bytes that the digest is of."""


def of_bytes(digest: Digest, raw: bytes) -> Content:
    """A content that is in memory."""
    return Content(digest, len(raw), lambda: iter((raw,)))


def archive(top: Mapping[str, Any], contents: Iterable[Content]) -> Iterator[bytes]:
    """A layout as a tar, never whole in memory; ``top`` is the image's descriptor."""
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [top]}
    for name, text in (("oci-layout", {"imageLayoutVersion": "1.0.0"}), ("index.json", index)):
        raw = json.dumps(text).encode()
        yield _head(name, len(raw)) + raw + _padding(len(raw))
    for each in contents:
        yield _head(f"blobs/{each.digest.text.replace(':', '/')}", each.size)
        yield from each.parts()
        yield _padding(each.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _head(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
