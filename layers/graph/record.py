"""Records: what is kept of a layer, with the versions that its lock files ask for."""

from __future__ import annotations

import contextlib
import json
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import xxhash

from hashes.algorithm import digest
from hashes.change import SERVED
from hashes.key import Key
from hashes.manifest import BadManifest, Manifest
from hashes.nothing import NOTHING
from layers.config.spec import Image
from layers.runtime.files import write_whole

if TYPE_CHECKING:
    from layers.graph.lockfiles import Packages

VERSION = 2

_PLAIN = ("image", "profile", "dockerfile", "folders", "ignored", "packages")

LARGEST = 16 * 1024 * 1024
"""Bytes; no lock file that people keep in git is larger."""


class Home(NamedTuple):
    """Where an image's inputs are."""

    root: str = ""
    image: Image | None = None
    profile: str | None = None

    def record(self, own: Manifest, stages: Mapping[str, Manifest]) -> Record:
        """Everything that explains a layer; reads lock files and the ignore file."""
        image = self.image
        if image is None:
            return Record(own, stages)
        folders = {"": image.context, **image.contexts}
        if image.packages is not None:
            folders[SERVED] = image.packages
        return Record(
            own,
            stages,
            image.name,
            self.profile,
            image.dockerfile,
            folders,
            self._ignored(image),
            dict(self._packages((own, *stages.values()), tuple(folders.values()))),
        )

    def _ignored(self, image: Image) -> dict[str, str]:
        for path in (f"{image.dockerfile}.dockerignore", f"{image.context}/.dockerignore"):
            content = self._read(posixpath.normpath(path))
            if content is not None:
                return {posixpath.normpath(path): xxhash.xxh3_128_hexdigest(content)}
        return {}

    def _packages(
        self, manifests: tuple[Manifest, ...], folders: tuple[str, ...]
    ) -> Iterator[tuple[str, Packages]]:
        from layers.graph.lockfiles import (  # a run that finds all fresh has none
            is_lockfile,
            packages_of,
        )

        wanted = {
            (entry.name, entry.value.partition(" ")[2].partition(":")[0]): each.algorithm
            for each in manifests
            for entry in each.entries
            if entry.kind == "file" and is_lockfile(entry.name)
        }
        for (name, value), algorithm in wanted.items():
            for folder in dict.fromkeys(folders):
                path = posixpath.normpath(posixpath.join(folder, name))
                content = self._read(path)
                # Only the very bytes that the key covers: the file may have moved on.
                if content is not None and digest(algorithm, content) == value:
                    found = packages_of(path, content)
                    if found is not None:
                        yield path, found

    def _read(self, path: str) -> bytes | None:
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                content = file.read(LARGEST + 1)
        except OSError:
            return None
        return content if len(content) <= LARGEST else None


class Record(NamedTuple):
    """What is kept of a layer at one key, to explain another key against it; no secrets."""

    own: Manifest
    stages: Mapping[str, Manifest] = NOTHING
    """Of the stages below it, by title."""
    image: str = ""
    profile: str | None = None
    """None: without one."""
    dockerfile: str = ""
    """Relative to the project; "" for a system base."""
    folders: Mapping[str, str] = NOTHING
    """Relative to the project, by named context; "" is the image's own, `hashes.change.SERVED`
    its package sources."""
    ignored: Mapping[str, str] = NOTHING
    """The ignore file that counts, by path: a hash of it."""
    packages: Mapping[str, Packages] = NOTHING
    """By path of a lock file, relative to the project."""

    def to_json(self) -> str:
        """A text that `from_json` reads back."""
        rest = {name: getattr(self, name) for name in _PLAIN}
        stages = {title: each.to_json() for title, each in self.stages.items()}
        value = {"version": VERSION, **rest, "own": self.own.to_json(), "stages": stages}
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The exact inverse of `to_json`; raises BadManifest."""
        try:
            value = json.loads(text)
            if value["version"] != VERSION:
                raise BadManifest(f"record of version {value['version']}: expected {VERSION}")
            own = Manifest.from_json(value["own"])
            stages = {title: Manifest.from_json(it) for title, it in value["stages"].items()}
            return cls(own, stages, **{name: value[name] for name in _PLAIN})
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadManifest(f"not a record: {error}") from None

    @classmethod
    def first(cls, contents: Iterable[bytes]) -> Record | None:
        """The first of some contents that is a record; None: none is."""
        for content in contents:
            with contextlib.suppress(BadManifest, UnicodeDecodeError):
                return cls.from_json(content.decode())
        return None


class Records:
    """What is kept of keys under ``.layers``, so that a later key can be explained against them."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def remember(self, key: Key, record: Record) -> None:
        """Keep what a key was made from."""
        if self.recall(key) is None:
            write_whole(self._path(key), record.to_json().encode())

    def recall(self, key: Key) -> Record | None:
        """What an earlier key was made from, None when that is not here or not whole."""
        try:
            with open(self._path(key), encoding="utf-8") as file:
                return Record.from_json(file.read())
        except (OSError, BadManifest, UnicodeDecodeError):
            return None

    def remembers(self, key: Key) -> bool:
        """True when something is kept of a key; it is not read."""
        return os.path.exists(self._path(key))

    def remembered(self) -> tuple[str, ...]:
        """All keys of which something is kept, as texts."""
        try:
            names = os.listdir(self._folder)
        except OSError:
            return ()
        return tuple(sorted(n.removesuffix(".json") for n in names if n.endswith(".json")))

    def _path(self, key: Key) -> str:
        return os.path.join(self._folder, f"{key}.json")
