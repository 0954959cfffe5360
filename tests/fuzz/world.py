"""Worlds: a Dockerfile, a context and a command line as plain values, and their way onto disk."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

NONCE = "@NONCE@"
"""In texts: replaced by something that no other build ever had, so that no two share a cache."""
RECORDED = "n0123456789"
"""The nonce of a case that is replayed without an engine; as long as a drawn one."""
BEGIN = 1_600_000_000
"""Seconds; the modification time of everything that nobody touched."""


@dataclass(frozen=True)
class Item:
    """One entry of a context."""

    kind: str
    """``file``, ``dir``, ``link`` or ``fifo``."""
    mode: int = 0o644
    text: str = ""
    """Content, or where a link leads."""
    data: str = ""
    """Base64 of a content that is no text."""
    xattr: str = ""
    """Value of ``user.fuzz``; "" for none."""
    mtime: int = BEGIN


@dataclass(frozen=True)
class World:
    """Everything that a build can see."""

    chunks: tuple[str, ...]
    """The Dockerfile in pieces: an instruction, comment, directive or blank line each."""
    context: Mapping[str, Item]
    beside: Mapping[str, Item] = field(default_factory=dict)
    """What lies in the Dockerfile's own folder when that is outside the context."""
    name: str = "Dockerfile"
    """The Dockerfile's path in the context, or its name in the folder beside it."""
    outside: bool = False
    crlf: bool = False
    bom: bool = False
    ends: bool = True
    """Whether the last line has its newline."""
    args: Mapping[str, str] = field(default_factory=dict)
    target: str = ""

    def text(self, nonce: str) -> bytes:
        """The Dockerfile's bytes."""
        text = "\n".join(self.chunks) + ("\n" if self.ends else "")
        text = text.replace(NONCE, nonce)
        if self.crlf:
            text = text.replace("\n", "\r\n")
        return (b"\xef\xbb\xbf" if self.bom else b"") + text.encode()

    @property
    def whole(self) -> bool:
        """Whether every path lies in a folder that is there."""
        paths = [*self.context, *([] if self.outside else [self.name])]
        folders = {path for path, item in self.context.items() if item.kind == "dir"} | {""}
        return all(path.rpartition("/")[0] in folders for path in paths)

    def with_item(self, path: str, item: Item | None) -> World:
        """The same world with another entry at a path, or with none there."""
        context = dict(self.context)
        if item is None:
            for each in list(context):
                if each == path or each.startswith(path + "/"):
                    del context[each]
        else:
            context[path] = item
        return replace(self, context=context)


@dataclass(frozen=True)
class Place:
    """Where a world lies on disk."""

    context: str
    dockerfile: str


def put(world: World, root: str, nonce: str, suffix: str = "") -> Place:
    """Write a world below ``root``; what a folder there already holds unchanged is not touched."""
    context = os.path.join(root, f"ctx{suffix}")
    beside = os.path.join(root, f"df{suffix}")
    own = Item("file", text="")
    inside = {**world.context}
    if not world.outside:
        inside[world.name] = own
    _fill(context, inside, nonce, None if world.outside else (world.name, world.text(nonce)))
    if world.outside:
        _fill(beside, {**world.beside, world.name: own}, nonce, (world.name, world.text(nonce)))
    return Place(context, os.path.join(beside if world.outside else context, world.name))


def _fill(
    root: str, items: Mapping[str, Item], nonce: str, dockerfile: tuple[str, bytes] | None
) -> None:
    os.makedirs(root, exist_ok=True)
    for folder, names, files in os.walk(root, topdown=False):
        for name in (*names, *files):
            path = os.path.join(folder, name)
            item = items.get(os.path.relpath(path, root))
            if item is None or _kind(path) != item.kind:
                _remove(path)
    for path, item in sorted(items.items()):
        at = os.path.join(root, path)
        content = None
        if item.kind == "dir":
            os.makedirs(at, exist_ok=True)
        elif item.kind == "link":
            if not (os.path.islink(at) and os.readlink(at) == item.text):
                _remove(at)
                os.symlink(item.text, at)
        elif item.kind == "fifo":
            if not os.path.lexists(at):
                os.mkfifo(at)
        else:
            content = base64.b64decode(item.data) or item.text.replace(NONCE, nonce).encode()
            if dockerfile is not None and path == dockerfile[0]:
                content = dockerfile[1]
            _write(at, content)
    for path, item in sorted(items.items(), reverse=True):
        at = os.path.join(root, path)
        if item.kind != "link":
            if os.stat(at).st_mode & 0o7777 != item.mode:
                os.chmod(at, item.mode)
            if item.kind in ("file", "dir"):
                _mark(at, item.xattr)
        if os.lstat(at).st_mtime != item.mtime:
            os.utime(at, (item.mtime, item.mtime), follow_symlinks=False)


def _write(at: str, content: bytes) -> None:
    if os.path.lexists(at):
        with open(at, "rb") as file:
            if file.read() == content:
                return
    with open(at, "wb") as file:
        file.write(content)


def _kind(path: str) -> str:
    if os.path.islink(path):
        return "link"
    if os.path.isdir(path):
        return "dir"
    return "file" if os.path.isfile(path) else "fifo"


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _mark(path: str, value: str) -> None:
    try:
        if value:
            if "user.fuzz" not in os.listxattr(path) or (
                os.getxattr(path, "user.fuzz") != value.encode()
            ):
                os.setxattr(path, "user.fuzz", value.encode())
        elif "user.fuzz" in os.listxattr(path):
            os.removexattr(path, "user.fuzz")
    except OSError:  # a file system without them: then neither side sees one
        return


def to_json(world: World) -> dict[str, Any]:
    """A compact JSON value that `from_json` reads back."""
    plain, item = World((), {}), Item("")
    found = {
        name: value
        for name, value in asdict(world).items()
        if value != getattr(plain, name) or name == "context"
    }
    for part in ("context", "beside"):
        if part in found:
            found[part] = {
                path: {k: v for k, v in entry.items() if v != getattr(item, k)}
                for path, entry in found[part].items()
            }
    return found


def from_json(value: dict[str, Any]) -> World:
    """The inverse of `to_json`."""
    rest = {name: each for name, each in value.items() if name not in ("context", "beside")}
    rest["chunks"] = tuple(rest["chunks"])
    return World(
        context={path: Item(**entry) for path, entry in value["context"].items()},
        beside={path: Item(**entry) for path, entry in value.get("beside", {}).items()},
        **rest,
    )


def dump(value: Any) -> str:
    """JSON as it is kept in a file."""
    return json.dumps(value, ensure_ascii=True, indent=1, sort_keys=True) + "\n"
