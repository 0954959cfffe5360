"""Places: where in a stack's files something is said, of a service that compose told us of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hashes.errors import LayersError
from layers.runtime.yaml import Value, read_yaml


class Places:
    """Lines of compose files, which are read again only if something is wrong."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """``files``: path by the name that errors call it, each laid over those before it."""
        self._files = files

    def where(self, keys: Sequence[str]) -> tuple[str | None, int | None]:
        """File and line of keys below ``services``, or of as many of them as stand somewhere.

        The last file that has the most of them; (None, None) for a service that is in none of
        these, but in one that they include.
        """
        best: tuple[int, str, int] | None = None
        for name, path in self._files.items():
            try:
                depth, line = _depth(read_yaml(path, name), ("services", *keys))
            except LayersError:  # compose reads more of YAML than we do
                continue
            if depth > 1 and (best is None or depth >= best[0]):
                best = (depth, name, line)
        return (best[1], best[2]) if best is not None else (None, None)


def _depth(value: Value, keys: Sequence[str]) -> tuple[int, int]:
    """How many of the keys are there, and the line of the last one."""
    line = value.line
    for depth, key in enumerate(keys):
        below = value.get(key)
        if below is None:
            entry = next((e for e in value.list() if _names(e, key)), None)
            return (depth + 1, entry.line) if entry is not None else (depth, line)
        value, line = below, below.line
    return len(keys), line


def _names(entry: Value, key: str) -> bool:
    """Whether an entry of a list is ``KEY=value``, as args may be written."""
    return isinstance(entry.data, str) and entry.data.partition("=")[0].strip() == key
