"""Records: gathers what is kept of a layer, with the versions that its lock files ask for."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import xxhash

from hashes.algorithm import digest
from hashes.change import SERVED
from hashes.manifest import Manifest
from hashes.packages import Packages
from layers.config.spec import Image
from layers.explain import Record

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
        from layers.lockfiles import is_lockfile, packages_of  # a run that finds all fresh has none

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
