"""Broken twins of the assembler: they show that the comparison can fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

from layers.assemble import copying, image, layer, sources
from layers.assemble.configuration import Configuration
from layers.assemble.listing import Listing
from layers.assemble.origins import rootfs
from layers.assemble.trees import unpacking
from layers.assemble.users import Owner


def _links(_listing: Listing, path: str, *_: object) -> str:
    return path


def _parents(written: Any) -> list[str]:
    return sorted(written, key=lambda path: path.split("/"))[1:]


def _mode(step: Any, path: str, item: Any, *more: Any) -> None:
    copying.Writer.true_write(step, path, item._replace(mode=item.mode ^ 0o020), *more)  # type: ignore[attr-defined]  # put there below


_ITEMS = rootfs.Rootfs._items


def _rootly(found: rootfs.Rootfs, top: str, taken: Any) -> Iterator[Any]:
    for item in _ITEMS(found, top, taken):
        yield item._replace(uid=0, gid=0)


TWINS = {
    "links": (Listing, "resolve", _links),
    "owner": (image, "owner", lambda _listing, _text: Owner(0, 0)),
    "lost": (layer, "_with_parents", _parents),
    "mode": (copying.Writer, "_write", _mode),
    "whiteouts": (unpacking, "WHITEOUT", ".none."),
    "settings": (Configuration, "_environ", lambda *_: None),
    "link": (copying.Writer, "link", copying.Writer.copy),
    "exclude": (sources, "without", lambda found, *_: found),
    "elsewhere": (rootfs.Rootfs, "_items", _rootly),
}
"""Links on the way to a destination are not followed; --chown counts for nothing; the first file of
a layer is lost; modes are others; whiteouts take nothing away; ENV is lost; --link is a COPY like
any other; --exclude leaves nothing out; what is taken from elsewhere is root's."""


@contextlib.contextmanager
def broken(name: str) -> Iterator[None]:
    """With that fault for as long as the block runs; "": without any."""
    if not name:
        yield
        return
    owner, attribute, value = TWINS[name]
    with contextlib.ExitStack() as stack:
        if name == "mode":
            true = copying.Writer._write
            stack.enter_context(mock.patch.object(copying.Writer, "true_write", true, create=True))
        stack.enter_context(mock.patch.object(owner, attribute, value))
        yield
