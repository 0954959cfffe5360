"""Pinning: every image of a stack as the one that is meant, whatever its tag points at later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import Names


@dataclass(frozen=True)
class Pinned:
    """What a service runs."""

    service: str
    image: str
    """The reference that compose is handed."""
    layer: Layer | None = None
    """The layer of ours; None: an upstream that the lock pins."""


def local_reference(names: Names, digest: Digest | None) -> str:
    """How compose names a layer that the engine holds: ``repository:key@digest``.

    The engine goes by the digest and shows the key. ``digest`` is None with the classic image
    store, which finds no image by the digest of a manifest that was never in a registry: then the
    key says it all.
    """
    return names.keyed if digest is None else f"{names.keyed}@{digest}"


def override(pinned: Iterable[Pinned]) -> str:
    """A compose file to be laid over a stack's own; JSON is YAML.

    A ``build`` stays where it is: compose builds nothing for an image that the engine holds, and
    ``never`` keeps it from asking a registry about ours.
    """
    services = {}
    for each in pinned:
        services[each.service] = {"image": each.image}
        if each.layer is not None:
            services[each.service]["pull_policy"] = "never"
    return json.dumps({"services": services}, indent=2) + "\n"


def project_name(project: str, stack: str) -> str:
    """What compose calls a stack: project and stack, in the characters that it allows."""
    both = stack if stack == project else f"{project}-{stack}"
    return re.sub(r"[^a-z0-9_-]", "-", both)
