"""TOML, with the line of what is wrong."""

from __future__ import annotations

import re
import sys
from typing import Any

from hashes.errors import LayersError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Path", "TomlError", "read", "tomllib"]

Path = tuple[str | int, ...]
"""Keys and positions from the top of the file, such as ``("images", "a", "require", 0)``."""


class TomlError(LayersError):
    """A text that is not TOML."""


def read(text: str, file: str) -> dict[str, Any]:
    """Read TOML; raises TomlError with the line of the fault."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)\Z", message)
        line = text.count("\n") + 1
        if place:
            message = message[: place.start()]
            line = int(place[1] or line)
        raise TomlError(f"not TOML: {message}", file=file, line=line) from None
