"""Manifests: the list of everything that a key covers, for hashing, storing and comparing."""

from __future__ import annotations

import json
from typing import NamedTuple

from hashes.algorithm import DEFAULT, HEX_LENGTHS
from hashes.errors import LayersError
from hashes.key import Hasher, Key

VERSION = 1
CONFIG = "config"
"""The kind of entries that end up in an image's configuration and not in its files."""
EPOCH = "epoch"
"""The kind of the entry that tells how often an image was built anew from the same inputs."""
AT_ONCE = 1_000
"""Entries that are framed at once for a key."""


class BadManifest(LayersError):
    """A text that is not a manifest of this version."""


class Entry(NamedTuple):
    """One thing that a key covers."""

    kind: str
    """``platform``, ``image``, ``stage``, ``arg``, ``env``, ``run``, ``copy``, ``file``, …"""
    name: str
    value: str
    line: int = 0
    """Where the Dockerfile asks for it, from 1; 0 when it does not say. Not part of the key."""
    label: str = ""
    """What people call it, such as a stage's name. Not part of the key."""


class Manifest(NamedTuple):
    """What one stage is made from, in the order of its steps; names of secrets, no secrets."""

    entries: tuple[Entry, ...]
    unpinned: tuple[str, ...] = ()
    """Names of images and addresses whose content nothing fixes."""
    algorithm: str = DEFAULT
    """What the key is made with, and the hashes of files."""

    def key(self) -> Key:
        """The stage's name: what it consists of, its configuration included."""
        return _key("stage", self.entries, self.algorithm)

    def files_key(self) -> Key:
        """What a ``COPY --from`` or a mount of the stage sees: all but the configuration."""
        return _key("files", tuple(e for e in self.entries if e.kind != CONFIG), self.algorithm)

    def text(self) -> str:
        """One line an entry, fit for a line-by-line comparison."""
        return "".join(f"{_line(entry)}\n" for entry in self.entries)

    def to_json(self) -> str:
        """A compact text that `from_json` reads back."""
        value = {
            "version": VERSION,
            "hash": self.algorithm,
            "unpinned": self.unpinned,
            "entries": [list(entry) for entry in self.entries],
        }
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The exact inverse of `to_json`; raises `BadManifest`."""
        try:
            value = json.loads(text)
            if value["version"] != VERSION:
                raise BadManifest(f"manifest of version {value['version']}: expected {VERSION}")
            entries = tuple(_entry(row) for row in value["entries"])
            unpinned = tuple(map(str, value["unpinned"]))
            algorithm = value["hash"]
            if algorithm not in HEX_LENGTHS:
                raise BadManifest(f"manifest of hash {algorithm!r}: expected {list(HEX_LENGTHS)}")
        except (ValueError, TypeError, KeyError) as error:
            raise BadManifest(f"not a manifest: {error}") from None
        return cls(entries, unpinned, algorithm)


def _key(name: str, entries: tuple[Entry, ...], algorithm: str) -> Key:
    # Many entries at once: a Hasher call for each of 100,000 files would cost more than the
    # hashing. Lengths count characters, which frames as well as bytes do.
    framed = (
        "".join(
            f"{len(kind)}:{len(name)}:{len(value)}:{kind}{name}{value}"
            for kind, name, value, _, _ in entries[first : first + AT_ONCE]
        )
        for first in range(0, len(entries), AT_ONCE)
    )
    hasher = Hasher(algorithm)
    hasher.field(name, *(each.encode("utf-8", "surrogatepass") for each in framed))
    return hasher.key()


def _line(entry: Entry) -> str:
    name, value = _quoted(entry.name), _quoted(entry.value)
    label = f"({_quoted(entry.label)})" if entry.label not in ("", value) else ""
    return " ".join(part.rstrip() for part in (entry.kind, name, value, label) if part)


def _quoted(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)


def _entry(row: list[object]) -> Entry:
    kind, name, value, line, label = row
    if not isinstance(line, int):
        raise TypeError(f"line {line!r} of an entry")
    return Entry(str(kind), str(name), str(value), line, str(label))
