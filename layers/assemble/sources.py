"""Sources: what a COPY brings from a build context, as values."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from hashes.algorithm import hasher
from hashes.context.exclude import without
from hashes.context.gopath import has_wildcard, inside
from hashes.context.input import Input, walk_order
from hashes.context.pinned import Promised
from hashes.context.sources import Sources
from hashes.context.tree import Node, Tree
from hashes.errors import LayersError
from layers.assemble.obstacle import Blocked

CHUNK = 1 << 20
_VALUE = re.compile(r"(?P<hash>[0-9a-f]{32}|[0-9a-f]{64}):(?P<size>[0-9]+)(?:\+[0-9a-f]+)?\Z")
_BLOCK = 512
_SUM = slice(148, 156)
_COMPRESSED = (b"BZh", b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd")
_SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
"""What a file begins with that BuildKit tries to unpack (docker, pkg/archive)."""

Read = Callable[[], Iterator[bytes]]


class Moved(LayersError):
    """A file has other bytes than those that were hashed."""


class Item(NamedTuple):
    """One file, folder or link that a COPY brings.

    No extended attributes but one: a filesystem layer carries only security.capability
    (containerd, archive/tar.go), and BuildKit loses that of a context when it sets owners (fsutil,
    diskwriter_unix.go).
    """

    path: str
    """Relative to what the source names; "" for that itself."""
    kind: str
    """``dir``, ``file``, ``link`` or ``other`` (a FIFO)."""
    mode: int
    mtime: int = 0
    """Seconds since the epoch."""
    size: int = 0
    link: str = ""
    identity: str = ""
    """Of a file's content: equal where the content is."""
    inode: tuple[int, ...] | None = None
    """Of a file that has several names; BuildKit keeps them linked."""
    read: Read = lambda: iter(())
    """A file's content, part by part; raises `Moved` unless it is what was hashed."""
    uid: int = 0
    gid: int = 0
    capability: str = ""
    """Its security.capability, as a header of a tarball has it."""
    layer: str = ""
    """The digest of the filesystem layer that it was read from, at `place`."""
    place: str = ""


class Match(NamedTuple):
    """What one match of a source brings, folders before what is in them."""

    name: str
    """The last part of its name, which it gets in a folder."""
    items: tuple[Item, ...]

    @property
    def top(self) -> Item:
        """What the source names."""
        return self.items[0]


def matches(sources: Sources, source: str, exclude: tuple[str, ...] = ()) -> list[Match]:
    """What one source of a COPY brings; [] for a pattern that matches nothing.

    ``exclude`` are patterns that start at what the source names.  Raises Blocked for what is not
    known well enough, ContextError for what is not there.
    """
    found = sources.matches(source)
    made = [Match(each.name, tuple(_items(sources.tree, each.node))) for each in found]
    sources.copy(source)  # it refuses what BuildKit refuses, such as links that lead nowhere
    links = any(item.kind == "link" for match in made for item in match.items)
    if has_wildcard(inside(source)) and (links or any(each.pattern_met_link for each in found)):
        # It sends what a name leads to, and what a pattern leads to not always.
        raise Blocked(f"the pattern {source} meets a link, where BuildKit may not find all files")
    return [without_some(each, exclude) for each in made] if exclude else made


def without_some(match: Match, patterns: tuple[str, ...]) -> Match:
    """What patterns leave of a match; what the source names stays."""
    top, *items = match.items
    below = [Input(item.path, item.kind, item.mode, "") for item in items]
    kept = {each.path for each in without(below, "", patterns)}
    named = {
        each.path for each in without([each._replace(kind="") for each in below], "", patterns)
    }
    if kept != named:
        some = min(kept - named)
        raise Blocked(f"--exclude leaves out {some}, but not all that is in it")
    return Match(match.name, (top, *(item for item in items if item.path in kept)))


def document(name: str, content: str, mtime: int) -> Match:
    """A document that stands in the Dockerfile."""
    data = content.encode("utf-8", "surrogateescape")
    item = Item("", "file", 0o644, mtime, len(data), "", content, read=lambda: iter((data,)))
    return Match(name, (item,))


def unpacks(item: Item) -> bool:
    """Whether ADD may take a file for an archive; True where one would have to try."""
    if item.kind != "file":
        return False
    head = next(item.read(), b"")[:_BLOCK]
    if head.startswith(_COMPRESSED) or _SKIPPABLE.match(head):
        return True
    return len(head) == _BLOCK and any(head) and _is_header(head)


def _is_header(block: bytes) -> bool:
    """Whether a block has the sum of a tar header, in any of the ways to count it."""
    text = block[_SUM].strip(b" \0")
    try:
        said = int(text or b"0", 8)
    except ValueError:
        return False
    rest = block[: _SUM.start] + b" " * 8 + block[_SUM.stop :]
    return said in (sum(rest), sum(each - 256 if each > 127 else each for each in rest))


def _items(tree: Tree, node: Node | None) -> Iterator[Item]:
    top = node.path if node is not None else ""
    if node is None:
        yield Item("", "dir", 0o755)
    else:
        yield _item(tree, node, top)
    if node is None or node.is_dir:
        below = [_item(tree, each, top) for each in tree.below(top)]
        below.sort(key=lambda each: walk_order(each.path))
        yield from below


def _item(tree: Tree, node: Node, top: str) -> Item:
    path = node.path[len(top) :].lstrip("/")
    if isinstance(node.entry, Promised):
        raise Blocked(f"{node.path} is not on this machine")
    try:
        status = tree.status(node)
    except OSError as error:
        raise Moved(f"cannot be read any more: {error.strerror}", file=node.path) from error
    mode, mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime_ns // 1_000_000_000)
    if stat.S_ISDIR(status.st_mode):
        return Item(path, "dir", mode, mtime)
    if stat.S_ISLNK(status.st_mode):
        return Item(path, "link", 0o777, mtime, link=tree.link(node.path))
    if stat.S_ISFIFO(status.st_mode):
        return Item(path, "other", mode, mtime)
    if not stat.S_ISREG(status.st_mode):
        raise Blocked(f"{node.path} is a device or a socket")
    return _file(tree, node, path, mtime, (status.st_dev, status.st_ino, status.st_nlink))


def _file(tree: Tree, node: Node, path: str, mtime: int, where: tuple[int, int, int]) -> Item:
    (known,) = tree.inputs([node]) or (None,)
    value = _VALUE.match(known.value) if known is not None else None
    if known is None or value is None:
        raise Blocked(f"{node.path}: something else stands for its bytes")
    inode, size = where[:2] if where[2] > 1 else None, int(value["size"])
    read = _Content(tree, known)
    return Item(path, "file", known.mode, mtime, size, "", known.value, inode, read)


class _Content:
    """What is in a file; a closure would be ten times as large, 100,000 times."""

    __slots__ = ("_file", "_tree")

    def __init__(self, tree: Tree, file: Input) -> None:
        self._tree, self._file = tree, file

    def __call__(self) -> Iterator[bytes]:
        tree, path = self._tree, self._file.path
        digest, _, size = self._file.value.partition("+")[0].partition(":")
        return _checked(tree.real(path), path, int(size), digest, tree.algorithm)


def _checked(real: bytes, path: str, size: int, digest: str, algorithm: str) -> Iterator[bytes]:
    """A file's bytes; the last of them only after all turned out to be those that were hashed."""
    state, left = hasher(algorithm)(), size
    try:
        with open(real, "rb", opener=_opened) as file:
            held = b""
            while part := file.read(min(CHUNK, left + 1)):
                state.update(part)
                left -= len(part)
                if left < 0:
                    break
                if held:
                    yield held
                held = part
    except OSError as error:
        raise Moved(f"cannot be read any more: {error.strerror}", file=path) from error
    if left or state.hexdigest() != digest:
        raise Moved("changed while the image was assembled", file=path, hint="run again")
    yield held


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def newest(found: Sequence[Match]) -> int:
    """When the newest file or link of some matches was modified; 0: there is none."""
    return max(
        (item.mtime for match in found for item in match.items if item.kind != "dir"), default=0
    )
