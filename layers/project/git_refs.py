"""Git references: the branches and tags that the images of a project are made from."""

from __future__ import annotations

from collections.abc import Iterable

from layers.graph.inputs import Inputs
from layers.lock.git import name_of


def git_refs(inputs: Inputs, images: Iterable[str]) -> dict[str, str]:
    """Each address that the lock can hold fast, as it has it, and the first image that uses it.

    Those of images with a fault are not known.
    """
    found: dict[str, str] = {}
    for name in images:
        image = inputs.spec.images[name]
        addresses = list(image.git.values())
        if image.rootfs is None and not inputs.fault(name) and _adds(inputs, name):
            for manifest in inputs.image(name).built(None, ()):
                addresses += [each.name for each in manifest.entries if each.kind == "url"]
        for address in addresses:
            if held := name_of(address):
                found.setdefault(held, name)
    return found


def _adds(inputs: Inputs, name: str) -> bool:
    """Whether any stage that an image needs has an ADD: only then is its key asked for."""
    return any(
        item.keyword == "ADD" for stage in inputs.reached(name) for item in stage.instructions
    )
