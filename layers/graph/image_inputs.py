"""What one image is made from: manifests of its target and of the stages on the way to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from hashes.beginnings import Beginnings
from hashes.key import Key
from hashes.manifest import Manifest
from hashes.nothing import NOTHING
from layers.graph.record import Home, Record


class ImageInputs(NamedTuple):
    """What one image is made from: a manifest for its target and for each stage on the way."""

    target: str
    """The target stage's name; "" when it has none."""
    own: Manifest
    stages: Mapping[str, Manifest]
    """By name: the named stages below the target that it reaches, in the order of the file."""
    unnamed: Mapping[str, Manifest] = NOTHING
    """The other stages below it, by what to call them."""
    env: Mapping[str, str] | None = None
    """The environment in its configuration; None: not known."""
    onbuild: tuple[str, ...] = ()
    problem: str = ""
    """Why it cannot be built on this machine, e.g. a required file that is not there."""
    home: Home = Home()
    beginnings: Mapping[int, Beginnings] = NOTHING
    """Of its stages by their places in the file; without any where nothing is to be assembled."""
    keys: Mapping[str | None, Key] = NOTHING
    """Those that are known already: of its stages by name, and its own."""

    def manifest(self, stage: str | None) -> Manifest:
        """The manifest of a named stage, or of the image itself."""
        return self.own if stage is None else self.stages[stage]

    def key(self, stage: str | None) -> Key:
        """The key of a named stage, or of the image itself."""
        return self.keys.get(stage) or self.manifest(stage).key()

    def built(self, stage: str | None, kept: Collection[str]) -> tuple[Manifest, ...]:
        """What a build of a stage or the image runs, its own last; stages that are kept are not."""
        if stage is not None:
            return (self.stages[stage],)
        stages = (each for name, each in self.stages.items() if name not in kept)
        return (*stages, *self.unnamed.values(), self.own)

    def record(self, stage: str | None) -> Record:
        """What is kept of a layer, to explain a later key against it."""
        return self.home.record(self.manifest(stage), {**self.stages, **self.unnamed})

    @property
    def unpinned(self) -> tuple[str, ...]:
        """What the key cannot hold fast: upstreams without a digest, urls, git refs."""
        all_stages = (*self.stages.values(), *self.unnamed.values(), self.own)
        found = [name for each in all_stages for name in each.unpinned]
        return tuple(dict.fromkeys(found))
