"""Machines with images to publish, and what their registry has then."""

from __future__ import annotations

from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.plan.names import LABEL_KEY
from tests.unit.machines import HOST, World

TOOL = Layer("tool")


def filled(world: World, content: str = "one") -> World:
    """The machine with both images in its engine."""
    for name in ("app", "tool"):
        key = str(world.project.inputs.key(Layer(name)))
        world.engine.build(f"{name}:{key}", f"{name} {content}", {LABEL_KEY: key})
    return world


def head(world: World, name: str, tag: str) -> Digest | None:
    """What a tag of an image points at in the registry."""
    question = (f"{HOST}/demo/{name}", tag)
    return world.registry.heads([question]).get(question)
