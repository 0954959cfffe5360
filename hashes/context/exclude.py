"""Excluding: what ``--exclude`` leaves out of the files that a COPY names."""

from __future__ import annotations

from hashes.context.gopath import BadPattern, has_wildcard, inside
from hashes.context.gopatterns import Pattern, Patterns
from hashes.context.ignore import Ignore
from hashes.context.input import Input
from hashes.errors import ContextError, IgnoreError


def start(source: str, parents: bool) -> str | None:
    """The folder that ``--exclude`` patterns start from; None: one for each match of a pattern.

    With ``--parents`` that is the context or what stands before ``/./``, whatever the source
    (cache/contenthash, shouldIncludePath; dockerfile2llb, convert_copy.go).
    """
    head, pivot, _ = source.partition("/./")
    base = inside(source) if not parents else inside(head) if pivot else ""
    return None if has_wildcard(base) else base


def without(found: list[Input], base: str | None, exclude: tuple[str, ...]) -> list[Input]:
    """Drop what ``--exclude`` leaves out below a folder; a single file always stays."""
    try:
        patterns = Ignore("", Patterns([Pattern(text) for text in exclude]))
        slash = base + "/" if base else ""
        dropped = [
            base is not None
            and item.path.startswith(slash)
            and item.path != base
            and patterns.matches(item.path[len(slash) :])
            for item in found
        ]
    except (BadPattern, IgnoreError) as error:
        raise ContextError(f"--exclude: syntax error in one of {', '.join(exclude)}") from error
    needed: set[str] = set()
    for item, drop in zip(found, dropped, strict=True):
        if not drop:
            at = item.path
            while at := at.rpartition("/")[0]:
                needed.add(at)
    return [
        item
        for item, drop in zip(found, dropped, strict=True)
        if not drop or (item.kind == "dir" and item.path in needed)
    ]
