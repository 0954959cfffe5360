"""Sent: what BuildKit asks of a context, and what fails because it asks for no more than that."""

from __future__ import annotations

from collections.abc import Iterable

from hashes.errors import ContextError
from hashes.gopath import has_wildcard
from hashes.manifest import Entry, Manifest

_FILES = frozenset(("file", "dir", "link", "other"))


def check(manifests: Iterable[Manifest], path: str) -> None:
    """Raise `ContextError` for a pattern below a folder that nothing brings into the build.

    BuildKit has only those paths sent that some source of a needed stage matches. ``COPY d/no* /x``
    without a match therefore finds no ``d`` and fails ("lstat …/d: no such file or directory",
    docker 26.1.5, tried), unless another source brings ``d`` or a part of it.
    """
    every = list(manifests)
    for entry in (each for manifest in every for each in _unmatched(manifest)):
        parts = entry.name.split("/")
        first = next((i for i, part in enumerate(parts) if has_wildcard(part)), 0)
        folder = "/".join(parts[:first])
        if folder and not any(_brings(manifest, folder) for manifest in every):
            raise ContextError(
                f"{entry.name!r} matches nothing, and BuildKit then misses {folder!r} itself",
                file=path,
                line=entry.line,
                hint=f"name what is in {folder!r}, or copy the folder as a whole",
            )


def _unmatched(manifest: Manifest) -> Iterable[Entry]:
    """Patterns without a match in the build context itself; ``--parents`` has rules of its own."""
    skip = False
    for entry in manifest.entries:
        if entry.kind in ("copy", "add"):
            skip = '"--parents"' in entry.value
        elif entry.kind == "context":
            skip = True
        elif entry.kind == "absent" and not skip:
            yield entry


def _brings(manifest: Manifest, folder: str) -> bool:
    slash = folder + "/"
    return any(
        entry.kind in _FILES and (entry.name == folder or entry.name.startswith(slash))
        for entry in manifest.entries
    )
