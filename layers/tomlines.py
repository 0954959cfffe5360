"""Lines of a TOML file: where each key stands, which TOML readers do not tell."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

from hashes.errors import LayersError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Path", "TomlError", "lines", "read", "tomllib"]

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


def lines(text: str) -> Mapping[Path, int]:
    """The line, from 1, of each table, key and array element of a text that `read` accepts.

    A table's line is that of its header; of one that has none, the first that speaks of it.
    """
    from layers.tomlscan import Scan

    scan = Scan(text)
    scan.document()
    return scan.found
