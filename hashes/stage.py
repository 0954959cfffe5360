"""Stages: what each stage that a target needs is made from, and so its key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from hashes.algorithm import DEFAULT
from hashes.beginnings import Beginnings, ends
from hashes.context import missing_sources
from hashes.context.input import Input
from hashes.dockerfile import arguments
from hashes.dockerfile.parser import Dockerfile
from hashes.dockerfile.reachable import Reached, Source, familiar, reach
from hashes.dockerfile.state import State
from hashes.dockerfile.steps import Origin, Sources, Steps, input_entries
from hashes.errors import LayersError
from hashes.key import Key
from hashes.manifest import CONFIG, EPOCH, Entry, Manifest
from hashes.nothing import NOTHING
from hashes.scrub import Scrub

UNPINNED = "unpinned "
"""An identity that begins so names something that may change without notice."""


class External(NamedTuple):
    """What an image's name outside the Dockerfile stands for."""

    identity: str
    """Goes into the key: ``key xxh3-…``, ``digest sha256:…``, ``unpinned node:18-alpine``."""
    env: Mapping[str, str] | None = None
    """The image's environment; None: not known."""
    onbuild: tuple[str, ...] = ()
    """Its ONBUILD triggers, as texts."""


Resolve = Callable[[str, str], External]
"""Asked with an image's name as written and a platform."""


class Request(NamedTuple):
    """A Dockerfile and everything on a build's command line that its content depends on."""

    dockerfile: Dockerfile
    args: Mapping[str, str] = NOTHING
    """The build arguments that are given."""
    platform: str = "linux/amd64"
    build_platform: str = ""
    """The builder's own; empty: the same."""
    network: str = ""
    """``""``, ``none`` or ``host``."""
    add_hosts: tuple[str, ...] = ()
    """``name:address``."""
    shm_size: str = ""
    ulimits: tuple[str, ...] = ()
    cgroup_parent: str = ""
    contexts: Mapping[str, Sources | External] = NOTHING
    """Named contexts: folders, or images; they go before stages and images of that name."""
    algorithm: str = DEFAULT
    """What keys are made with; the hashes of files come with the sources."""
    epoch: int = 0
    """How often it was built anew though nothing else here changed; 0 says nothing."""
    commit: Callable[[str], str] = lambda _address: ""
    """The commit that a git address is held at; "": none."""
    served: tuple[Input, ...] = ()
    """What reaches every RUN over the network from this machine, such as a package index."""
    beginnings: bool = False
    """Whether the keys of stages that end earlier are asked for, too."""


@dataclass(frozen=True)
class Layer:
    """One stage that the target needs."""

    index: int
    name: str
    manifest: Manifest
    key: Key
    env: Mapping[str, str] | None
    """The image's environment; None: it depends on a base that is not known."""
    onbuild: tuple[str, ...]
    """The triggers for images that are built from it."""
    declares_args: bool
    """Whether it holds an ARG, of its own or inherited: a stage FROM it would lose that if an
    image took its place."""
    beginnings: Beginnings
    """Empty unless `Request.beginnings` are asked for."""

    def external(self) -> External:
        """What this layer is to an image that is built from it."""
        return External(f"key {self.key}", self.env, self.onbuild)


def layers(
    request: Request, sources: Sources, resolve: Resolve, target: str | None = None
) -> dict[int, Layer]:
    """Every stage that the target needs, by its place in the file; the target comes last.

    Raises `LayersError` with file and line where BuildKit would refuse the build.
    """
    return _Builder(request, sources, resolve, target).build()


def stage_manifests(
    request: Request, sources: Sources, resolve: Resolve, target: str | None = None
) -> dict[int, Manifest]:
    """The manifests of `layers`."""
    found = layers(request, sources, resolve, target)
    return {index: layer.manifest for index, layer in found.items()}


class _Builder:
    def __init__(
        self, request: Request, sources: Sources, resolve: Resolve, target: str | None
    ) -> None:
        self.request = request
        self.target = target
        self.file = file = request.dockerfile
        self.sources, self.resolve = sources, resolve
        try:
            self.platform = arguments.platform(request.platform)
            self.build_platform = arguments.platform(request.build_platform or request.platform)
        except ValueError as error:
            raise LayersError(f"platform {request.platform!r}: {error}") from None
        self.outer = arguments.global_args(
            file, request.args, self.platform, self.build_platform, target
        )
        self.contexts = {familiar(name): value for name, value in request.contexts.items()}
        self.externals: dict[tuple[str, str], External] = {}
        self.states: dict[int, State] = {}
        self.files_keys: dict[int, str] = {}
        self.layers: dict[int, Layer] = {}
        given = request.args.items()
        scrub = Scrub(v for k, v in given if len(v) > 3 and arguments.looks_secret(k))
        self.manifest = partial(_manifest, scrub, request.algorithm)

    def build(self) -> dict[int, Layer]:
        request = self.request
        stages = reach(
            self.file,
            self.target,
            request.args,
            self.platform,
            self.build_platform,
            lambda text, platform: self._external(text, platform).onbuild,
            tuple(request.contexts),
        )
        for stage in stages:
            self.layers[stage.index] = self._layer(stage)
        if not getattr(self.sources, "followed", False):
            missing_sources.check(
                (layer.manifest for layer in self.layers.values()), self.file.path
            )
        return self.layers

    def _layer(self, stage: Reached) -> Layer:
        file, request = self.file, self.request
        line = file.stages[stage.index].line
        head = [Entry("platform", "", stage.platform)]
        if request.epoch:
            head.append(Entry(EPOCH, "", str(request.epoch)))
        unpinned: list[str] = []
        syntax = request.args.get("BUILDKIT_SYNTAX", file.syntax)
        if syntax:
            frontend = self._external(syntax, self.build_platform)
            head.append(self._image("syntax", syntax, frontend, 1, unpinned))
        state = self._base(stage, line, head, unpinned)
        if stage.platform != self.platform:
            head += self._two_platforms(stage, state, line)
        steps = Steps(
            file.path,
            state,
            self.sources,
            request.args,
            self.outer,
            request.network,
            file.frontend,
            request.commit,
        )
        begun = Beginnings(self.manifest, head, steps.entries)
        marked = ends(stage.instructions) if request.beginnings else frozenset()
        for position, item in enumerate(stage.instructions):
            origins = {
                number: self._origin(source, item.keyword.lower(), item.line, unpinned)
                for (place, number), source in stage.sources.items()
                if place == position
            }
            steps.step(item, origins)
            if position in marked:
                begun.mark(position + 1, self._config(state), (*unpinned, *steps.unpinned))
        entries = (*head, *steps.entries, *self._config(state))
        manifest = self.manifest(entries, (*unpinned, *steps.unpinned))
        self.states[stage.index] = state
        return Layer(
            stage.index,
            file.stages[stage.index].name,
            manifest,
            manifest.key(),
            state.environment(),
            tuple(state.onbuild),
            bool(state.args),
            begun,
        )

    def _two_platforms(self, stage: Reached, state: State, line: int) -> list[Entry]:
        """What a stage for another platform than the image's has of that one, too."""
        if self.platform != self.build_platform or stage.empty:
            # Told of a platform, BuildKit writes that into the configuration; untold, the base's.
            state.configure("PLATFORM", self.platform, line)
        outside = {familiar(each.text) for each in stage.sources.values() if each.stage is None}
        found = [self.contexts.get(each) for each in outside - {"scratch"}]
        copies = any(each is None or isinstance(each, External) for each in found)
        return [Entry("platform", "copied", self.platform, line)] if copies else []

    def _base(self, stage: Reached, line: int, head: list[Entry], unpinned: list[str]) -> State:
        base = stage.base
        if base.stage is not None:
            head.append(self._stage("from", base.stage, line))
            return self.states[base.stage].child()
        context = self.contexts.get(familiar(base.text))
        if context is not None and not isinstance(context, External):
            head.append(Entry("context", "from", "", line, base.text))
            head += input_entries(context.everything(), line)
            state = State(self.file.escape, {})
        elif base.text == "scratch":
            head.append(Entry("image", "from", "scratch", line, "scratch"))
            state = State(self.file.escape, {}, "/")
        else:
            external = self._external(base.text, stage.platform)
            head.append(self._image("from", base.text, external, line, unpinned))
            state = State(self.file.escape, external.env)
        self._options(state)
        return state

    def _options(self, state: State) -> None:
        """What the command line changes for every RUN."""
        request = self.request
        for name, value in (
            ("add-host", " ".join(sorted(request.add_hosts))),
            ("shm-size", request.shm_size),
            ("ulimit", " ".join(sorted(request.ulimits))),
            ("cgroup-parent", request.cgroup_parent),
            ("hostname", request.args.get("BUILDKIT_SANDBOX_HOSTNAME", "")),
        ):
            if value:
                state.see("option", name, Entry("option", name, value))
        for entry in input_entries(request.served, 0):
            state.see("served", entry.name, entry)

    def _external(self, text: str, platform: str) -> External:
        context = self.contexts.get(familiar(text))
        if context is not None:
            return context if isinstance(context, External) else External("", {})
        found = self.externals.get((text, platform))
        if found is None:
            found = self.externals[text, platform] = self.resolve(text, platform)
        return found

    def _image(
        self, name: str, text: str, external: External, line: int, unpinned: list[str]
    ) -> Entry:
        if external.identity.startswith(UNPINNED):
            unpinned.append(text)
        return Entry("image", name, external.identity, line, text)

    def _stage(self, name: str, index: int, line: int) -> Entry:
        key = self.files_keys.get(index)
        if key is None:
            key = self.files_keys[index] = str(self.layers[index].manifest.files_key())
        return Entry("stage", name, key, line, self.file.stages[index].title)

    def _origin(self, source: Source, name: str, line: int, unpinned: list[str]) -> Origin:
        if source.stage is not None:
            return Origin(self._stage(name, source.stage, line), None)
        context = self.contexts.get(familiar(source.text))
        if source.text == "scratch":
            return Origin(Entry("image", name, "scratch", line, "scratch"), None)
        if context is not None and not isinstance(context, External):
            return Origin(Entry("context", name, "", line, source.text), context)
        external = self._external(source.text, self.platform)
        return Origin(self._image(name, source.text, external, line, unpinned), None)

    def _config(self, state: State) -> list[Entry]:
        config = dict(state.config)
        env = [config.pop(f"ENV {name}", None) for name in state.image_env]
        epoch = self.request.args.get("SOURCE_DATE_EPOCH") or self.outer.get("SOURCE_DATE_EPOCH")
        if epoch:
            config["SOURCE_DATE_EPOCH"] = Entry(CONFIG, "SOURCE_DATE_EPOCH", epoch)
        rest = (entry for _, entry in sorted(config.items()))
        return [*(entry for entry in env if entry is not None), *rest]


def _manifest(
    scrub: Scrub, algorithm: str, entries: tuple[Entry, ...], unpinned: tuple[str, ...]
) -> Manifest:
    return Manifest(scrub.entries(entries), scrub.names(unpinned), algorithm)
