"""Missing sources: what BuildKit asks of a context, and what fails as it asks for no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hashes.context.gopath import has_wildcard
from hashes.errors import ContextError
from hashes.manifest import Entry, Manifest

_FILES = frozenset(("file", "dir", "link", "other"))


class _Need(NamedTuple):
    path: str
    line: int
    message: str
    hint: str


def check(manifests: Iterable[Manifest], path: str) -> None:
    """Raise `ContextError` for a source of which BuildKit does not have sent what it then misses.

    Only those paths are sent that some source of a needed stage matches. So two things fail unless
    another source brings what they miss (docker 26.1.5, tried):
    ``COPY d/no* /x`` without a match finds no ``d`` ("lstat …/d: no such file or directory");
    ``COPY !a /x`` reads as "all but a" for the transfer ("/!a: not found").
    Not for a context with links on the way: what they lead to is sent, too.
    """
    brought: list[str] = []
    needs: list[_Need] = []
    for manifest in manifests:
        for entry, mark, own in _marked(manifest):
            if entry.kind in _FILES and not mark.startswith("!"):
                brought.append(entry.name)
            elif entry.kind == "absent" and own:
                needs += _unmatched(entry)
            elif entry.name.startswith("!") and own and entry.kind in ("source", "mount"):
                needs += _negation(entry)
    for need in needs:
        slash = need.path + "/"
        if not any(name == need.path or name.startswith(slash) for name in brought):
            raise ContextError(need.message, file=path, line=need.line, hint=need.hint)


def _marked(manifest: Manifest) -> Iterator[tuple[Entry, str, bool]]:
    """Each entry with the source that asks for it, and whether that is of the build context.

    False for named contexts, and for ``--parents``, which has rules of its own.
    """
    mark, own = "", False
    for entry in manifest.entries:
        if entry.kind in ("copy", "add"):
            mark, own = "", '"--parents"' not in entry.value
        elif entry.kind == "run":
            mark, own = "", True
        elif entry.kind == "context":
            own = False
        elif entry.kind in ("source", "mount"):
            mark = entry.name
        yield entry, mark, own


def _unmatched(entry: Entry) -> Iterator[_Need]:
    parts = entry.name.split("/")
    first = next((i for i, part in enumerate(parts) if has_wildcard(part)), 0)
    folder = "/".join(parts[:first])
    if folder:
        yield _Need(
            folder,
            entry.line,
            f"{entry.name!r} matches nothing, and BuildKit then misses {folder!r} itself",
            f"name what is in {folder!r}, or copy the folder as a whole",
        )


def _negation(entry: Entry) -> Iterator[_Need]:
    if entry.kind == "mount" or not has_wildcard(entry.name):
        yield _Need(
            entry.name,
            entry.line,
            f"{entry.name!r} is not sent: BuildKit takes the '!' for a negation",
            "rename it, or copy the folder that it is in",
        )
