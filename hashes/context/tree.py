"""Trees: one build context as BuildKit is sent it, scanned no further than somebody asks."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol

from hashes.context.filehash import FileHash, hash_file, hash_files
from hashes.context.gopatterns import Scope
from hashes.context.ignore import Ignore
from hashes.context.input import LINK_MODE, Input, other_value, xattr_value
from hashes.context.pinned import Promised, parents_of
from hashes.context.statcache import PACKED, StatCache, packed
from hashes.errors import ContextError

_UTF8 = sys.getfilesystemencoding() == "utf-8"

_TYPE = 0o170000

AT_ONCE = 1_000
"""Files whose statuses are held until they are hashed."""


class Entry(Protocol):
    """What we use of an `os.DirEntry`."""

    def is_dir(self, *, follow_symlinks: bool = ...) -> bool: ...
    def is_symlink(self) -> bool: ...
    def stat(self, *, follow_symlinks: bool = ...) -> os.stat_result: ...


class Node(NamedTuple):
    """One entry of the context, whatever it is."""

    path: str
    name: str
    entry: Entry | Input
    folder: Folder

    @property
    def is_dir(self) -> bool:
        return self.entry.is_dir(follow_symlinks=False)

    @property
    def is_link(self) -> bool:
        return self.entry.is_symlink()


class Folder:
    """One directory that was listed: what of it BuildKit would be sent."""

    def __init__(self, scope: Scope, known: dict[str, bytes]) -> None:
        self.scope = scope
        self.entries: dict[str, Entry | Input] = {}
        """A file is here as its input, once that was made: a status takes up much more."""
        self.known = known
        """The stat cache's table for this directory."""


class Tree:
    """One build context; every directory is listed and every entry's status taken at most once.

    So a Tree is a snapshot, as far as it was looked at; a fresh one over the same bytes gives the
    same inputs, and that is how one finds out whether anything moved meanwhile.
    """

    def __init__(
        self,
        root: str,
        ignore: Ignore | None = None,
        cache: StatCache | None = None,
        *,
        pinned: Mapping[str, str] | None = None,
    ) -> None:
        self.root = os.path.abspath(root)
        self.ignore = ignore or Ignore.empty()
        self._cache = cache or StatCache(None, self.root)
        self._pinned = dict(pinned or {})
        """By path: an identity that counts instead of the bytes, present on this machine or not."""
        self._below = parents_of(self._pinned)
        self._root_bytes = self.root.encode("utf-8", "surrogateescape")
        self._folders: dict[str, Folder] = {}

    def node(self, path: str) -> Node | None:
        """Find an entry by its clean path, following no link; None when BuildKit has none there."""
        directory, _, name = path.rpartition("/")
        at = ""
        for part in directory.split("/") if directory else ():
            entry = self.folder(at).entries.get(part)
            if entry is None or not entry.is_dir(follow_symlinks=False):
                return None
            at = f"{at}/{part}" if at else part
        folder = self.folder(directory)
        found = folder.entries.get(name)
        return Node(path, name, found, folder) if found else None

    def nodes(self, directory: str) -> list[Node]:
        """List the entries of a directory, in no order."""
        folder = self.folder(directory)
        slash = directory + "/" if directory else ""
        new = tuple.__new__  # a third of what Node(…) takes, a hundred thousand times
        return [
            new(Node, (slash + name, name, entry, folder)) for name, entry in folder.entries.items()
        ]

    def below(self, directory: str) -> Iterator[Node]:
        """Go through everything below a directory, parents before children."""
        todo = [directory]
        while todo:
            path = todo.pop()
            if path not in self._folders:
                self.folder(path, whole=True)
            nodes = self.nodes(path)
            todo += [node[0] for node in nodes if node[2].is_dir(follow_symlinks=False)]
            yield from nodes

    def link(self, path: str) -> str:
        """Read a link's text."""
        try:
            text = os.readlink(self.real(path))
        except OSError as error:
            raise ContextError(f"cannot be read: {error.strerror}", file=path) from error
        return text.decode("utf-8", "surrogateescape")

    def inputs(self, nodes: Iterable[Node]) -> list[Input]:
        """Turn entries into inputs, in their order; hashes what the stat cache does not know."""
        found: list[Input] = []
        unknown: list[tuple[int, Node]] = []
        size = 0
        new = tuple.__new__
        pinned = self._pinned
        for node in nodes:
            path, name, entry, folder = node
            if isinstance(entry, Input):
                found.append(entry)
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it went while we looked; a second look will tell
            kind = status.st_mode & _TYPE
            mode = status.st_mode & 0o7777
            if kind == stat.S_IFREG:
                known = folder.known.get(name)
                if pinned and path in pinned:
                    found.append(Input(path, "file", mode, pinned[path]))
                elif known is not None and known.startswith(packed(status)):
                    made = new(Input, (path, "file", mode, known[PACKED:].decode()))
                    folder.entries[name] = made
                    found.append(made)
                else:
                    unknown.append((len(found), node))
                    size += status.st_size
                    found.append(Input(path, "file", mode, ""))
                    if len(unknown) == AT_ONCE:
                        self._hash(unknown, size, found)
                        unknown, size = [], 0
            elif kind == stat.S_IFDIR:
                found.append(Input(path, "dir", mode, self._directory_value(node, status)))
            elif kind == stat.S_IFLNK:
                found.append(Input(path, "link", LINK_MODE, self.link(path)))
            else:
                found.append(Input(path, "other", mode, other_value(status)))
        if unknown:
            self._hash(unknown, size, found)
        return found

    def status(self, node: Node) -> os.stat_result:
        """Give an entry's status, asked for again where it was let go of.  Raises OSError."""
        if isinstance(node.entry, Input):
            return os.lstat(self.real(node.path))
        return node.entry.stat(follow_symlinks=False)

    @property
    def algorithm(self) -> str:
        """What files are hashed with."""
        return self._cache.algorithm

    def folder(self, path: str, *, whole: bool = False) -> Folder:
        """List a directory that is there; anything else is an empty one.

        ``whole``: every entry's status will be asked for.
        """
        found = self._folders.get(path)
        if found is None:
            if path:
                parent, _, name = path.rpartition("/")
                scope = self.ignore.enter(self.folder(parent).scope, name)
            else:
                scope = self.ignore.root()
            found = self._folders[path] = self._list(path, scope, whole=whole)
        return found

    def _list(
        self, path: str, scope: Scope, *, whole: bool = False, excluded: bool = False
    ) -> Folder:
        real = self.real(path)
        try:
            if not whole:
                with os.scandir(os.fsdecode(real)) as listing:
                    return self._folder(path, scope, list(listing))
            handle = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
            try:  # a status taken by handle spares the kernel the way down
                with os.scandir(handle) as listing:
                    folder = self._folder(path, scope, list(listing))
                for name, entry in list(folder.entries.items()):
                    try:
                        entry.stat(follow_symlinks=False)  # type: ignore[union-attr]  # just listed
                    except OSError:  # gone; and nobody may ask once the handle is another's
                        del folder.entries[name]
                return folder
            finally:
                os.close(handle)
        except (FileNotFoundError, NotADirectoryError):
            return self._folder(path, scope, [])
        except OSError as error:
            if excluded and isinstance(error, PermissionError):
                return self._folder(path, scope, [])
            raise ContextError(
                f"cannot be listed: {error.strerror}",
                file=os.path.join(self.root, path),
                hint="make it readable, or leave it out by the ignore file",
            ) from error

    def _folder(self, path: str, scope: Scope, entries: list[os.DirEntry[str]]) -> Folder:
        absolute = os.path.join(self.root, path) if path else self.root
        folder = Folder(scope, self._cache.directory(absolute, len(entries)))
        all_entries: dict[str, Entry | Input] = (
            {entry.name: entry for entry in entries}
            if _UTF8
            else {
                os.fsencode(entry.name).decode("utf-8", "surrogateescape"): entry
                for entry in entries
            }
        )
        for name in self._below.get(path, ()):
            child = f"{path}/{name}" if path else name
            all_entries.setdefault(name, Promised(child in self._pinned))
        if self.ignore.patterns.all:
            self._filter(path, folder, all_entries)
        else:
            folder.entries = all_entries
        return folder

    def _filter(self, path: str, folder: Folder, entries: Mapping[str, Entry | Input]) -> None:
        ignore, scope, kept = self.ignore, folder.scope, folder.entries
        slash = path + "/" if path else ""
        for name, entry in entries.items():
            if not ignore.match(scope, name):
                kept[name] = entry
            elif entry.is_dir(follow_symlinks=False) and not ignore.patterns.prunable(slash + name):
                child = slash + name
                below = self._list(child, ignore.enter(scope, name), excluded=True)
                if below.entries:
                    self._folders[child] = below
                    kept[name] = entry

    def _hash(self, unknown: list[tuple[int, Node]], size: int, found: list[Input]) -> None:
        """Hash files of ``size`` in all, into their places in ``found``."""
        cache = self._cache
        clocks: dict[bytes, int] = {}
        fresh = {
            self.real(node.path): node
            for _, node in unknown
            if not isinstance(node.folder.entries[node.name], Input)
        }

        def read(path: bytes) -> FileHash:
            clocks[path] = cache.now(self.status(fresh[path]))
            return hash_file(path, cache.algorithm)

        for path, each in zip(fresh, hash_files(list(fresh), size, read), strict=True):
            node, mode = fresh[path], each.status.st_mode & 0o7777
            if each.stable:
                cache.record(node.folder.known, node.name, each.status, each.value, clocks[path])
            node.folder.entries[node.name] = Input(node.path, "file", mode, each.value)
        for at, node in unknown:
            item = node.folder.entries[node.name]
            assert isinstance(item, Input)
            found[at] = item

    def _directory_value(self, node: Node, status: os.stat_result) -> str:
        known = self._cache.lookup(node.folder.known, node.name, status)
        if known is not None or isinstance(node.entry, Promised):
            return known or ""
        clock = self._cache.now(status)
        value = xattr_value(self.real(node.path), self._cache.algorithm)
        self._cache.record(node.folder.known, node.name, status, value, clock)
        return value

    def real(self, path: str) -> bytes:
        """Where a path of the context is on this machine."""
        if not path:
            return self._root_bytes
        return self._root_bytes + b"/" + path.encode("utf-8", "surrogateescape")
