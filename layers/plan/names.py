"""Names: under which references a layer lives in the engine and in the registry."""

from __future__ import annotations

from typing import NamedTuple

from hashes.key import Key
from layers.config.spec import Spec
from layers.graph.graph import Layer
from layers.oci.reference import Reference
from layers.oci.template import Home, Template

LABEL_KEY = "io.doit-layers.key"
LABEL_LAYER = "io.doit-layers.layer"
LABEL_PROJECT = "io.doit-layers.project"
"""Whose image it is; what was built before there was this label has none.  No part of keys."""


class Names(NamedTuple):
    """All references of one layer at one key."""

    keyed: str
    """In the engine, ``repository:key``."""
    plain: str
    """In the engine, the name that people type: ``snowboard-pose-service:latest``."""
    remote: str | None
    """In the registry, ``host/project/image`` without a tag; None: there is no registry."""
    tag: str = ""
    """What the key is called in the registry."""
    prefix: str = ""
    """What all tags of the image begin with there; empty where the repository is its alone."""


NOWHERE = Names("", "", None)
"""Of a layer that nobody looked for."""


def names(spec: Spec, registry: str | None, layer: Layer, key: Key) -> Names:
    """Where ``layer`` at ``key`` is found; stages share their image's repository, as their blobs
    do, and are told apart by their keys.
    """
    repository = Reference.parse(spec.images[layer.image].tag).untagged()
    there = home(spec, layer.image)
    return Names(
        f"{repository}:{key}",
        plain_name(spec, layer),
        f"{registry}/{there.path}" if registry else None,
        f"{there.prefix}{key}",
        there.prefix,
    )


def home(spec: Spec, image: str) -> Home:
    """Where an image and its stages are below the registry, whatever their keys."""
    return Template.parse(spec.images[image].repository or spec.repository).home(
        spec.project, image
    )


def plain_name(spec: Spec, layer: Layer) -> str:
    """The name that people type for ``layer`` in the engine, whatever its key.

    A stage has its image's repository and its own name for a tag, unless that is
    the name of an image: ``app:latest`` is never a stage called ``latest``.
    """
    tag = Reference.parse(spec.images[layer.image].tag)
    if layer.stage is None:
        return f"{tag.untagged()}:{tag.tag or 'latest'}"
    name = f"{tag.untagged()}:{layer.stage}"
    taken = spec.find(Reference.parse(name)) is not None
    return f"{name}-stage" if taken else name
