"""Values: what one value of ``images.toml`` means, once its shape is right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashes.errors import LayersError
from layers.config.faults import Faults, SpecError
from layers.config.schema import BUILDER
from layers.config.shapes.shape import BAD
from layers.config.spec import Rootfs


def command(written: str | list[str]) -> str | tuple[str, ...]:
    """A command as written: a text for a shell, or words."""
    return written if isinstance(written, str) else tuple(written)


def shell(written: str | list[str]) -> tuple[str, ...]:
    """The words of a command; a text is for a shell."""
    return ("sh", "-c", written) if isinstance(written, str) else tuple(written)


def rootfs_of(table: Mapping[str, Any]) -> Rootfs:
    """A system base; what the file does not say is as documented."""
    return Rootfs(
        suite=table.get("suite", ""),
        packages=tuple(table.get("packages", ())),
        variant=table.get("variant", "apt"),
        env=table.get("env", {}),
    )


def table_of(value: Any) -> dict[str, Any]:
    """The table, or an empty one where the value is none."""
    return value if isinstance(value, dict) else {}


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


def args_of(table: Mapping[str, Any]) -> dict[str, str]:
    """The build args of an image; BuildKit takes the moment of its files as one of them."""
    epoch = table.get("source_date_epoch")
    own = {} if epoch is None else {"SOURCE_DATE_EPOCH": str(epoch)}
    return {**own, **table.get("args", {})}
