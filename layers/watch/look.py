"""Looks: what decides whether an image has to be made again, read from the disk each time anew."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hashes.errors import LayersError
from layers.config.spec import SPEC_FILE, Image
from layers.graph.graph import Layer
from layers.project.project import Project
from layers.watch.stackfiles import fingerprint, stack_files


class Look(NamedTuple):
    """What was seen."""

    state: str
    """Equal texts: nothing that counts is another; "" where it cannot be told."""
    fault: str
    """Why it cannot be told; "" where it can."""
    places: frozenset[str]
    """Folders in which a change may count, absolute."""


def look(
    open_project: Callable[[], Project], root: str, layer: Layer, stacks: Sequence[str] = ()
) -> Look:
    """The key of a layer, with what its ``stacks`` say, and where all of it was read.

    ``open_project`` gives a project that nobody read yet: each look reads the disk.
    """
    places = {root}
    try:
        project = open_project()
        images = project.spec.images
        for name in _closure(project, layer):
            places |= _beside(root, images[name])
        files = stack_files(
            os.path.join(root, path) for name in stacks for path in _composed(project, name)
        )
        places |= {os.path.dirname(path) for path in files}
        try:
            key = str(project.inputs.key(layer))
            project.cache.save()
        finally:
            places |= project.cache.visited
    except LayersError as error:
        return Look("", str(error), _there(places))
    return Look(f"{key} {fingerprint(files)}", "", _there(places))


def _closure(project: Project, layer: Layer) -> tuple[str, ...]:
    if layer.image not in project.spec.images:
        raise LayersError(f"{layer.image} is no image of {SPEC_FILE} any more")
    return tuple(project.inputs.graph.closure([layer.image]))


def _composed(project: Project, stack: str) -> Sequence[str]:
    found = project.spec.stacks.get(stack)
    return found.compose if found is not None else ()


def _beside(root: str, image: Image) -> set[str]:
    """Folders with what is read of an image beside the files that are copied."""
    contexts = (image.context, *image.contexts.values())
    paths = [os.path.join(root, path) for path in (*contexts, os.path.dirname(image.dockerfile))]
    paths += [
        os.path.dirname(os.path.join(root, image.context, each.path)) for each in image.require
    ]
    return set(paths)


def _there(places: set[str]) -> frozenset[str]:
    """Those that can be watched; for one that is not there the nearest folder above."""
    found = set()
    for path in places:
        at = os.path.normpath(path)
        while not os.path.isdir(at):
            at = os.path.dirname(at)
        found.add(at)
    return frozenset(found)
