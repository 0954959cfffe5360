"""Faults of a file that people write: all of them in one error, each with its line."""

from __future__ import annotations

import re

from hashes.errors import LayersError, Several
from layers.config.toml import Path


class FileError(Several):
    """Every fault of one file, in the order of its lines."""


class SpecError(FileError):
    """What is wrong with ``images.toml``."""


class LockError(FileError):
    """What is wrong with ``images.lock``."""


class Faults:
    """Gathers what is wrong with one TOML text; lines are looked up only if something is."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self._text = text
        self._found: dict[tuple[Path, str], str] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def apart(self) -> Faults:
        """None yet, of the same text: for what is wrong with a part of it alone."""
        return Faults(self._text, self.file)

    def add(self, path: Path, message: str, hint: str = "") -> None:
        """Note a fault of what stands at ``path``; the same one twice counts once."""
        self._found.setdefault((path, message), hint)

    def touch(self, path: Path) -> bool:
        """Whether something at ``path`` or below it is already known to be wrong."""
        return any(found[: len(path)] == path for found, _ in self._found)

    def raise_as(self, kind: type[FileError]) -> None:
        """Raise all of them as one error, if there are any."""
        error = self.as_error(kind)
        if error is not None:
            raise error

    def as_error(self, kind: type[FileError]) -> FileError | None:
        """All of them as one error; None: there are none."""
        if not self._found:
            return None
        from layers.config.toml_lines import lines

        known = lines(self._text)
        faults = []
        for (path, message), hint in self._found.items():
            line = next((known[path[:n]] for n in range(len(path), 0, -1) if path[:n] in known), 1)
            said = f"{dotted(path)}: {message}" if path else message
            faults.append(LayersError(said, file=self.file, line=line, hint=hint))
        return kind(sorted(faults, key=lambda fault: fault.line or 0))


def dotted(path: Path) -> str:
    """A path as it would be written in the file: ``images.a.require[0].path``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", part)
            text += ("." if text else "") + (part if bare else '"' + part.replace('"', '\\"') + '"')
    return text
