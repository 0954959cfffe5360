"""Listings: what is at each path of an image, without the contents of files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hashes.errors import LayersError
from layers.assemble.trees.tree import Tree
from layers.assemble.trees.unpacking import Doubts

VERSION = 2
_READ = (1, VERSION)
"""Of the first nobody knows which layer has a file."""
LARGEST = 1 << 30
"""Bytes of an unpacked listing; what would grow beyond is not read."""
LEVEL = 12
"""Of zstd: a listing is written once and read often."""
KEPT = ("passwd", "group")
"""Names of files whose text is kept, in whatever folder: users and groups are looked up there."""
LARGEST_KEPT = 1 << 20


class BadListing(LayersError):
    """A text that is not a listing, or not that of the image which was asked for."""


class Entry(NamedTuple):
    """What is at one path."""

    kind: str
    """``dir``, ``file``, ``link`` or ``other`` (device, FIFO)."""
    mode: int
    """Permission bits with setuid, setgid and sticky."""
    uid: int
    gid: int
    mtime: int = 0
    """Of a folder, in seconds since the epoch; 0 for all others, so that equal ones are one."""
    link: str = ""
    """Where a symbolic link leads, as it is written."""
    layer: int = -1
    """Which filesystem layer has it under this very path, from 0; -1 for folders, and where
    nobody knows."""


ROOT = Entry("dir", 0o755, 0, 0)


class Listing(Tree[Entry]):
    """A tree of entries, with the texts of those files that are in `KEPT`."""

    def __init__(self) -> None:
        super().__init__(ROOT)
        self.numbered = True
        """Whether it tells which layer has a file: one of an earlier version does not."""
        self.doubts = Doubts()
        """Of all layers; listings that older versions left do not tell."""
        self._shared: dict[Entry, Entry] = {}
        self._texts: dict[str, str] = {}

    def copy(self) -> Listing:
        """Another listing of the same entries."""
        new = Listing()
        new._take(self)
        return new

    def _take(self, other: Listing) -> None:
        self._folders = {path: dict(entries) for path, entries in other._folders.items()}
        self._shared = dict(other._shared)
        self._texts = dict(other._texts)
        self.numbered = other.numbered
        self.doubts = other.doubts

    def put(self, path: str, entry: Entry, text: str | None = None) -> None:
        """See `Tree.put`; ``text`` is a file's content where it is to be kept."""
        super().put(path, self.shared(entry))
        if entry.kind != "dir" and text is not None:
            self._texts[path] = text

    def doubt(self, doubts: Doubts) -> None:
        """Remember those of one more layer."""
        self.doubts = self.doubts.also(doubts)

    def shared(self, entry: Entry) -> Entry:
        """The one for all that are equal."""
        return self._shared.setdefault(entry, entry)

    def gone(self, path: str, entry: Entry) -> None:  # noqa: ARG002
        """Forget the text that was at a path."""
        self._texts.pop(path, None)

    def text(self, path: str) -> str | None:
        """The content of a file of a name in `KEPT`; None: not known."""
        return self._texts.get(path)

    def to_bytes(self, image: str) -> bytes:
        """A compact form, zstd, that `from_bytes` reads back; the same bytes for the same listing.

        ``image`` is what it is a listing of.
        """
        import zstandard

        looks: dict[tuple[str, int, int, int, int], int] = {}
        folders: dict[str, list[list[object]]] = {}
        for folder in sorted(self._folders):
            rows = folders[folder] = []
            for name, entry in sorted(self._folders[folder].items()):
                look = looks.setdefault((*entry[:4], entry.layer), len(looks))
                more: list[object] = (
                    [entry.link or entry.mtime] if entry.link or entry.mtime else []
                )
                rows.append([name, look, *more])
        value: dict[str, object] = {
            "version": VERSION,
            "image": image,
            "looks": [list(look) for look in looks],
            "folders": folders,
            "texts": dict(sorted(self._texts.items())),
        }
        if any(self.doubts):
            value["doubts"] = [sorted(paths) for paths in self.doubts]
        text = json.dumps(value, separators=(",", ":")).encode()
        return zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(text)

    @classmethod
    def from_bytes(cls, data: bytes, image: str) -> Listing:
        """Read a listing of ``image``; raises BadListing for anything else."""
        import zstandard

        try:
            with zstandard.ZstdDecompressor().stream_reader(data) as stream:
                text = stream.read(LARGEST)
            value = json.loads(text)
            if value["version"] not in _READ or value["image"] != image:
                raise BadListing(f"listing {value['version']} of {value['image']}, not of {image}")
            return cls._read(value)
        except (zstandard.ZstdError, ValueError, TypeError, KeyError, IndexError) as error:
            raise BadListing(f"not a listing: {error!r}") from None

    @classmethod
    def _read(cls, value: Mapping[str, Any]) -> Listing:
        found = cls()
        found.numbered = value["version"] == VERSION
        found.doubts = Doubts(*(frozenset(map(str, each)) for each in value.get("doubts", ())))
        plain = [
            Entry(str(kind), int(mode), int(uid), int(gid), layer=int(more[0]) if more else -1)
            for kind, mode, uid, gid, *more in value["looks"]
        ]
        found._shared = {entry: entry for entry in plain}
        for folder, rows in sorted(value["folders"].items()):
            inside = found._folders.get(folder)  # folders above come before
            if inside is None:
                raise ValueError(f"{folder!r} is in no folder")
            for name, look, *more in rows:
                entry = plain[look]
                if more and entry.kind == "dir":
                    entry = found.shared(entry._replace(mtime=int(more[0])))
                elif more and entry.kind == "link":
                    entry = found.shared(entry._replace(link=str(more[0])))
                inside[name] = entry
                if entry.kind == "dir":
                    found._folders[f"{folder}/{name}" if folder else name] = {}
            if len(inside) != len(rows) or any("/" in name for name in inside):
                raise ValueError(f"{folder!r} has names that cannot be")
        for path, text in value["texts"].items():
            there = found.get(path)
            if there is not None and there.kind != "dir":
                found._texts[path] = text
        return found
