"""No database: a doit backend that keeps nothing, because keys live in engine and registry."""

from __future__ import annotations

from typing import Any

from doit.dependency import JsonDB


class NoDatabase(JsonDB):  # type: ignore[misc]  # doit ships no types
    """Holds a run's values in memory, reads no file and leaves none."""

    desc = "in memory only; layers are known by their keys"

    def __init__(self, name: str, codec: Any, *, module_name: str | None = None) -> None:  # noqa: ARG002
        # not JsonDB's own constructor, which reads the file
        self.name = name
        self.codec = codec
        self._db: dict[str, dict[str, Any]] = {}

    def dump(self) -> None:
        """Write nothing."""
