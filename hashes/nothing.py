"""The empty mapping, as the default of a field: a NamedTuple takes no factory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

NOTHING: Final[Mapping[Any, Any]] = {}
"""Shared by all that have nothing: a Mapping to the types, which none can write to."""
