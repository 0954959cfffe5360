"""Layer records: what is in a filesystem layer, kept in the repository that has it.

Found from the layer's digest alone, under a tag of its own.  A referrer would not do: its subject
is a manifest (image-spec, manifest.md), and zot may delete one whose subject is none that it has.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from layers.oci.artifact import EMPTY, MANIFEST_TYPE, artifact, descriptor
from layers.oci.digest import BadDigest, Digest
from layers.oci.reference import LONGEST_TAG
from layers.registry.registry import Manifest, Registry, RegistryRefused, RegistryRejected

PREFIX = "layer-"
"""How their tags begin, behind what all tags of an image begin with."""
TYPE = "application/vnd.doit-layers.layer.v1+zstd"
"""Of the artifact and of its content."""
TAG = "io.doit-layers.record"
"""An annotation, its tag: so no two tags have one manifest, and one can go without the other."""
_HEX = 64


class Shelf(NamedTuple):
    """Where records are."""

    repository: str
    prefix: str = ""
    """What all tags of the image begin with there."""

    def tag(self, layer: Digest) -> str:
        """Under which tag the record of a layer is; see `room`."""
        return f"{self.prefix}{PREFIX}{layer.text.partition(':')[2]}"

    @property
    def room(self) -> bool:
        """Whether that is no longer than a tag may be."""
        return len(self.prefix) + len(PREFIX) + _HEX <= LONGEST_TAG


class Kept(NamedTuple):
    """A record that is there."""

    repository: str
    digest: Digest
    """Of its manifest."""


def which(
    registry: Registry, shelves: Iterable[Shelf], layers: Iterable[Digest]
) -> dict[Digest, Kept]:
    """Of which layers a record is there, on the first shelf that has it; all asked in parallel.

    Raises RegistryError.
    """
    places = [shelf for shelf in shelves if shelf.room]
    asked = {(shelf.repository, shelf.tag(each)): each for each in layers for shelf in places}
    there = registry.heads(list(asked)) if asked else {}
    found: dict[Digest, Kept] = {}
    for question, layer in asked.items():
        if question in there:
            found.setdefault(layer, Kept(question[0], there[question]))
    return found


def fetch(registry: Registry, kept: Kept) -> bytes | None:
    """What a record says; None for one that went meanwhile, or is none.  Raises RegistryError."""
    found = registry.manifest(kept.repository, kept.digest.text)
    if found is None or not is_record(found):
        return None
    try:
        (entry,) = found.content["layers"]
        return registry.blob(kept.repository, Digest.parse(entry["digest"]))
    except (KeyError, TypeError, ValueError, BadDigest):
        return None


def store(registry: Registry, shelf: Shelf, layer: Digest, content: bytes) -> None:
    """Put a record; where tags never move, the one that is there stays.  Raises RegistryError."""
    tag = shelf.tag(layer)
    manifest = artifact(TYPE, [descriptor(TYPE, content)], annotations={TAG: tag})
    registry.put_blob(shelf.repository, EMPTY)
    registry.put_blob(shelf.repository, content)
    try:
        registry.put_manifest(shelf.repository, tag, manifest, MANIFEST_TYPE)
    except (RegistryRefused, RegistryRejected):
        if not registry.heads([(shelf.repository, tag)]):
            raise


def is_record(manifest: Manifest) -> bool:
    """Whether a manifest is that of a record."""
    return manifest.content.get("artifactType") == TYPE
