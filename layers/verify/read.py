"""Reading: all that an image holds, out of the engine and out of the registry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hashes.errors import LayersError
from layers.build.assemble.base import Known
from layers.oci.digest import Digest
from layers.plan.session import Session
from layers.runtime.parts import as_file
from layers.sizes.saved_image import Documents, blobs, unpacked
from layers.verify.content import Content, Entries, entries, flatten, settings

MARK = "# assembled"
"""How a step of ours ends in an image's history."""


class Read(NamedTuple):
    """An image, layer by layer."""

    configuration: Mapping[str, Any]
    layers: tuple[Entries, ...]

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Of its filesystem layers before they were compressed, lowest first."""
        return tuple(self.configuration["rootfs"]["diff_ids"])

    def content(self) -> Content:
        """What it holds in the end."""
        return Content(settings(self.configuration), flatten(self.layers))

    def touched(self, first: int) -> set[str]:
        """All paths that layers name from one of them on, the lowest being 0."""
        return {path for layer in self.layers[first:] for path, _ in layer}


def steps(configuration: Mapping[str, Any]) -> tuple[bool, ...]:
    """Of each filesystem layer, lowest first, whether it was assembled."""
    return tuple(
        _ours(each) for each in configuration.get("history") or () if not each.get("empty_layer")
    )


def was_assembled(configuration: Mapping[str, Any]) -> bool:
    """Whether the last step of an image was assembled, so that the image was."""
    return any(_ours(each) for each in (configuration.get("history") or ())[-1:])


def after_trunk(built: Read, ours: Read) -> set[str] | None:
    """Paths that layers name which were assembled, or built in their place.

    None: all below is the same in both, so that every path can be compared.
    """
    trunk = steps(ours.configuration).count(False)
    if built.diff_ids[:trunk] == ours.diff_ids[:trunk]:
        return None
    return built.touched(trunk) | ours.touched(trunk)


def _ours(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("created_by", "")).endswith(MARK)


def from_engine(run: Session, name: str) -> Read:
    """An image that the engine has.  Raises EngineError, and LayersError where it is not whole."""
    client, documents = run.backends.client, Documents()
    known: dict[str, Entries] = {}
    with client.asking("read", name):
        for blob in blobs(as_file(client.api.get_image(name)), documents):
            known[blob.name] = entries(blob.tarball, blob.name)
    missing = [each for each in documents.layers if each not in known]
    if missing or not documents.config:
        raise LayersError(f"{name}: the engine gave {', '.join(missing) or 'no image'} not")
    layers = tuple(known[each] for each in documents.layers)
    return Read(json.loads(documents.config), layers)


def from_registry(run: Session, repository: str, image: Known, other: Read) -> Read:
    """An image that the registry has.

    Layers that are not of ours and that ``other`` has as well are not read again.
    """
    configuration = image.configuration
    known = dict(zip(other.diff_ids, other.layers, strict=True))
    ours: Sequence[bool] = steps(configuration)
    found = []
    ids = configuration["rootfs"]["diff_ids"]
    for number, (each, diff_id) in enumerate(zip(image.layers, ids, strict=True)):
        if diff_id in known and not (len(ours) == len(ids) and ours[number]):
            found.append(known[diff_id])
            continue
        name, size = str(each["digest"]), int(each["size"])
        stream = as_file(run.backends.registry.parts(repository, Digest.parse(name), size))
        found.append(entries(unpacked(stream), name))
        while stream.read(1 << 20):  # its last part comes once its digest is right
            pass
    return Read(configuration, tuple(found))
