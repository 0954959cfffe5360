"""Who builds an image: what ``images.toml`` and the environment say of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashes.errors import LayersError
from layers.specfaults import Faults, SpecError
from layers.specshape import BAD
from layers.spectables import BUILDER

HERE = "default"
"""What buildx calls the engine in use."""


def builder_of(table: Mapping[str, Any], common: str, override: str | None) -> str:
    """The builder of one image; empty: the engine in use.  Raises SpecError for a wrong override.

    ``override`` counts for all images (None: it does not, empty: the engine), then the image's own
    word, then ``common``.
    """
    if override and BUILDER.check(override, (), Faults("", "")) is BAD:
        raise SpecError([LayersError(f"LAYERS_BUILDER: {override!r} is no builder's name")])
    found: str = override if override is not None else table.get("builder", common)
    # An index of packages is served on this machine's loopback, where no builder comes.
    return "" if found == HERE or "packages" in table else found
