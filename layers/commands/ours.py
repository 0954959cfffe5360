"""Whether the dodo in use is ours: our commands leave other doit projects alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layers.project import Project


def project() -> Project | None:
    """The project whose tasks the dodo handed to doit; None where it is another kind of dodo."""
    tasks = sys.modules.get("layers.tasks")
    return tasks.project() if tasks is not None else None


def json_first(words: list[str]) -> list[str]:
    """A command line with ``--json`` in front of all names."""
    return sorted(words, key=lambda word: word != "--json")
