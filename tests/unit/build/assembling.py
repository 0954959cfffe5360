"""A project of two images, where edits of the one are put upon the other."""

from __future__ import annotations

from layers.graph.graph import Layer
from tests.unit.machines import HOST

APP, BASE = Layer("app"), Layer("base")
OURS = f"{HOST}/demo/app"
SPEC = f"""\
version = 1
[project]
name = "demo"
registry = "{HOST}"
assemble = true
[images.base]
context = "base"
push = true
[images.app]
context = "app"
push = true
"""
KINDS = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar")
"""Media types of a configuration and of a filesystem layer."""
