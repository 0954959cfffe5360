"""A project: what the files of a checkout say, each part read when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from hashes.context.statcache import StatCache
from hashes.dockerfile.frontend import Frontend
from hashes.errors import LayersError
from hashes.key import BadKey, Key
from layers.config.load import load
from layers.config.spec import SPEC_FILE, Spec
from layers.graph.contexts import Contexts
from layers.graph.graph import Layer
from layers.graph.inputs import Inputs
from layers.graph.record import Record, Records
from layers.lock.lock import LOCK_FILE, Lock
from layers.oci.platform import machine_platform
from layers.project.history import History
from layers.runtime.collector import paused
from layers.runtime.files import read_text
from layers.runtime.state import StateFolder

if TYPE_CHECKING:
    from layers.project.bases import Bases

FRONTEND_FILE = "frontend.json"
"""In `.layers`: what the engine that was asked last reads."""


class Project:
    """An ``images.toml`` with what stands around it; made once, and not written to."""

    def __init__(
        self,
        root: str,
        *,
        profile: str | None = None,
        under: tuple[Project, Lock] | None = None,
    ) -> None:
        """``under``: another project of the same files, and the lock that counts here."""
        self.root = root
        self.profile = profile
        self.state = StateFolder(root)
        self.records = Records(self.state.path("manifests"))
        self.history = History(self.state.path("history.jsonl"))
        self._under = under

    @cached_property
    def bases(self) -> Bases:
        """What is known of images that others are assembled upon."""
        from layers.project.bases import Bases

        return Bases(self.state.path("bases"))

    def under(self, lock: Lock) -> Project:
        """The same files under another lock; what was read of them is shared."""
        return Project(self.root, profile=self.profile, under=(self, lock))

    @cached_property
    def spec(self) -> Spec:
        """``images.toml`` under the chosen profile.  Raises SpecError with every fault."""
        if self._under is not None:
            return self._under[0].spec
        path = os.path.join(self.root, SPEC_FILE)
        try:
            text = read_text(path, SPEC_FILE)
        except FileNotFoundError:
            raise LayersError(
                f"there is no {SPEC_FILE} in {self.root}",
                hint="`doit init` writes one; `doit help images.toml` tells of every key",
            ) from None
        return load(
            text,
            path=SPEC_FILE,
            profile=self.profile,
            registry=os.environ.get("LAYERS_REGISTRY"),
            platform=machine_platform(),
            exists=lambda relative: os.path.exists(os.path.join(self.root, relative)),
            builder=os.environ.get("LAYERS_BUILDER"),
        )

    @cached_property
    def lock(self) -> Lock:
        """``images.lock``; an empty one where there is none."""
        if self._under is not None:
            return self._under[1]
        try:
            return Lock.parse(read_text(os.path.join(self.root, LOCK_FILE), LOCK_FILE), LOCK_FILE)
        except FileNotFoundError:
            return Lock()

    @cached_property
    def cache(self) -> StatCache:
        """The stat cache of this checkout."""
        if self._under is not None:
            return self._under[0].cache
        with paused():
            return StatCache.load(self.state.path("stat"), self.root, self.spec.hash)

    @cached_property
    def inputs(self) -> Inputs:
        """The keys."""
        contexts = Contexts(self.root, self.cache, self.state)
        return Inputs(self.root, self.spec, self.lock, contexts, lambda: self.frontend)

    @cached_property
    def frontend(self) -> Frontend | None:
        """What the engine in use reads; asked where a Dockerfile leaves a doubt, else never."""
        from layers.project.frontends import whoever_builds

        if self._under is not None:
            return self._under[0].frontend
        return whoever_builds(self.root, self.state.path(FRONTEND_FILE))

    def stays(self, layer: Layer, args: Mapping[str, str]) -> bool:
        """Whether a layer keeps its key with these build args more, or instead.

        One that has no key stays without: making it tells why.
        """
        try:
            own = self.inputs.key(layer)
        except LayersError:
            return True
        try:
            made = self.with_args(layer.image, args).image(layer.image)
        except LayersError:
            return False
        known = layer.stage is None or layer.stage in made.stages
        return known and made.key(layer.stage) == own

    def with_args(self, name: str, args: Mapping[str, str]) -> Inputs:
        """The keys as they were if an image had these build args more, or instead."""
        image = self.spec.images[name]
        other = image._replace(args={**image.args, **args}, late={})
        spec = replace(self.spec, images={**self.spec.images, name: other}, _memo={})
        return Inputs(self.root, spec, self.lock, self.inputs.contexts, lambda: self.frontend)

    def goals(self) -> tuple[Layer, ...]:
        """What is made when nobody says what."""
        return self.inputs.goals()

    def record(self, layer: Layer) -> Record:
        """What a layer is made from now, as it is kept."""
        return self.inputs.image(layer.image).record(layer.stage)

    def recall(self, key: str) -> Record | None:
        """What a key was made from, or is made from now; None when nobody here knows."""
        try:
            found = self.records.recall(Key.parse(key))
        except BadKey:
            return None
        if found is None:
            for name in self.inputs.graph.order:
                if self.inputs.fault(name):
                    continue
                if str(self.inputs.image(name).key(None)) == key:
                    return self.record(Layer(name))
        return found
