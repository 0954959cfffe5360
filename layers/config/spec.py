"""The spec: what ``images.toml`` says, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from hashes.algorithm import DEFAULT
from hashes.errors import LayersError, did_you_mean
from hashes.nothing import NOTHING
from layers.config.faults import SpecError
from layers.config.sandbox import Sandbox
from layers.oci.compression import Compression
from layers.oci.reference import Reference
from layers.oci.template import DEFAULT_REPOSITORY

SPEC_FILE = "images.toml"

Network = Literal["default", "none", "host"]


class Require(NamedTuple):
    """A file that a build needs and git does not hold."""

    path: str
    """Relative to the image's context, inside it."""
    sha256: str | None
    """64 hex digits; None: any file will do."""
    message: str
    """Words for whoever has not got it."""
    make: tuple[str, ...] = ()
    """A command that makes it, run in the context; empty: there is none."""


class Rootfs(NamedTuple):
    """A system base made from Debian packages."""

    suite: str
    """The release, such as ``bookworm``."""
    packages: tuple[str, ...] = ()
    """Beside those that the variant brings, as apt-get takes them: ``name[:arch][=version]``."""
    variant: str = "apt"
    """Which packages are there at all, one of mmdebstrap's: ``apt`` is essential ones and apt."""
    env: Mapping[str, str] = NOTHING
    """Environment of the image; empty: none."""


class Secret(NamedTuple):
    """Where a secret comes from; exactly one of the three is set."""

    file: str | None = None
    """A path as written: absolute, below ``~``, or relative to images.toml."""
    env: str | None = None
    """The name of an environment variable."""
    builtin: Literal["pip", "npm"] | None = None
    """The host's own settings of that tool."""


class Image(NamedTuple):
    """One image, after the profile; all its paths are relative to images.toml."""

    name: str
    """Its doit task, its place in the registry, and what a Dockerfile may call it."""
    stack: str
    """The group that it is listed under; empty: none."""
    tag: str
    """Its plain name in the local engine; ``latest`` where it has no tag."""
    context: str = ""
    """The folder, ``.`` for that of images.toml itself; empty only with ``rootfs``."""
    dockerfile: str = ""
    """The Dockerfile's path, context included; empty only with ``rootfs``."""
    target: str | None = None
    """A stage's name or number, in lower case; None: the last stage."""
    platform: str = ""
    """Such as ``linux/arm64``; empty: the project's."""
    args: Mapping[str, str] = NOTHING
    """Build args; an empty value is passed on as such."""
    late: Mapping[str, str] = NOTHING
    """Build args with placeholders, which a moving tag fills in: LABEL alone may read them."""
    push: bool = False
    """Whether it goes to the registry."""
    push_stages: tuple[str, ...] = ()
    """Named stages that go there too, in lower case as BuildKit has them."""
    assemble: bool | None = None
    """Whether what only copies files and sets settings is put together without the engine; None:
    where little has to be read for that."""
    secrets: tuple[str, ...] = ()
    """Ids, each of them in `Spec.secrets`."""
    network: Network = "default"
    sandbox: Sandbox = Sandbox()
    """What RUN steps run in, beside the network."""
    contexts: Mapping[str, str] = NOTHING
    """Folders by the name that a Dockerfile gives to ``--from``."""
    compression: Compression | None = None
    """Of its new filesystem layers; None: nothing was said."""
    labels: Mapping[str, str] = NOTHING
    """What a moving tag brings along; may have placeholders."""
    annotations: Mapping[str, str] = NOTHING
    """The same in the manifest."""
    ssh: tuple[str, ...] = ()
    """SSH agents and keys that its build may use: an id, or ``id=path``."""
    called: Mapping[str, str] = NOTHING
    """What its Dockerfile alone calls an image of ours, or an upstream."""
    git: Mapping[str, str] = NOTHING
    """Addresses of git repositories by the name that a Dockerfile gives to ``--from``."""
    max_size: int | None = None
    """Bytes of its files, unpacked; None: any size is right."""
    refresh: bool = False
    """Whether `doit refresh` looks after it."""
    probe: str | tuple[str, ...] = ""
    """``apt``, ``apk``, ``pip``, or a command; empty: upstreams alone are looked at."""
    smoke: tuple[tuple[str, ...], ...] = ()
    """Commands that a new build must pass."""
    packages: str | None = None
    """Folder of Python package sources to serve while it builds; None: nothing is served."""
    require: tuple[Require, ...] = ()
    rootfs: Rootfs | None = None
    """None: it is built from its Dockerfile."""
    builder: str = ""
    """The buildx builder or docker context that builds it; empty: the engine in use."""
    stall_timeout: int = 600
    """Seconds without a word of a step after which that is told."""
    stall_end: bool = False
    """Whether a RUN step that is silent for so long ends the build."""
    repository: str = ""
    """Where it goes instead of `Spec.repository`; empty: it does not."""
    variant_of: str = ""
    """The table of images.toml that it is one variant of; empty: none, it has its own."""
    fault: LayersError | None = None
    """What of it is not on the disk, such as its Dockerfile; a fault of this image alone."""

    @property
    def may_assemble(self) -> bool:
        """Whether it may be put together without the engine."""
        return self.assemble is not False and self.rootfs is None


class Stack(NamedTuple):
    """Services that run together, from images of ours and others."""

    name: str
    compose: tuple[str, ...]
    """Compose files, relative to images.toml, each laid over those before it."""
    fault: LayersError | None = None
    """Which of them is not on the disk."""


@dataclass(frozen=True)
class Spec:
    """All images of a project under one profile."""

    project: str
    registry: str | None
    """``engine``: the private engine's own; ``host[:port][/path]``; None: there is none."""
    platform: str
    """Such as ``linux/amd64``."""
    profile: str | None
    """None: the file as it stands, without a profile."""
    images: Mapping[str, Image]
    """By name, in the order of the file."""
    upstream: Mapping[str, str]
    """`Reference.normal` of a replaced upstream image → the text that stands in for it: an image's
    name, or another upstream reference, which is not replaced in its turn."""
    secrets: Mapping[str, Secret]
    path: str
    """The file, as errors name it."""
    text: str = field(repr=False, compare=False)
    hash: str = DEFAULT
    """What keys and hashes of files are made with: ``xxh3`` or ``blake3``."""
    stacks: Mapping[str, Stack] = field(default_factory=dict)
    """By name, in the order of the file."""
    repository: str = DEFAULT_REPOSITORY
    """Where images go below the registry; see `layers.oci.template.Template`."""
    create_repository: tuple[str, ...] = ()
    """A command that makes a repository which a push does not find; empty: nobody makes one."""
    overlays: tuple[tuple[str | int, ...], ...] = ()
    """Paths of the profile's table and, before it, of the one that it extends."""
    machine: str = ""
    """This machine's own platform, which BuildKit calls the build platform; "": `platform`."""
    _memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def image(self, name: str) -> Image:
        """The image of that name.  Raises SpecError with a suggestion."""
        if name not in self.images:
            message = f"no image {name!r}{did_you_mean(name, self.images)}"
            raise SpecError([LayersError(message, file=self.path)])
        return self.images[name]

    def platform_of(self, name: str) -> str:
        """What an image is built for."""
        return self.images[name].platform or self.platform

    def find(self, reference: Reference) -> Image | None:
        """The image that a ``FROM`` means, by name or plain local name; None: it is upstream."""
        ours = self._memo.get("ours")
        if ours is None:
            ours = {Reference.parse(image.tag).normal: image for image in self.images.values()}
            for name, image in self.images.items():
                ours[Reference.parse(name).normal] = image
            self._memo["ours"] = ours
        found: Image | None = ours.get(reference.normal)
        return found

    def _lines(self) -> Mapping[tuple[str | int, ...], int]:
        if "lines" not in self._memo:
            from layers.config.toml_lines import lines

            self._memo["lines"] = lines(self.text)
        found: Mapping[tuple[str | int, ...], int] = self._memo["lines"]
        return found

    def upstream_line(self, normal: str) -> int | None:
        """Where ``[upstream]``, the profile's before the project's, has a name; None: nowhere."""
        for above in (*reversed(self.overlays), ()):
            for path, line in self._lines().items():
                if (
                    path[:-1] == (*above, "upstream")
                    and Reference.parse(str(path[-1])).normal == normal
                ):
                    return line
        return None

    def line(self, image: str, *keys: str | int) -> int | None:
        """Where the file speaks of an image, or of one of its keys; None: nowhere.

        What all images share stands in the project's table.
        """
        from layers.config.variants import places

        known = self._lines()
        family = self.images[image].variant_of if image in self.images else ""
        tables = places(image, family, self.overlays)
        for kept in range(len(keys), -1, -1):
            for table in (*tables, ("project",)) if kept else tables:
                found: int | None = known.get((*table, *keys[:kept]))
                if found is not None:
                    return found
        return None

    def families(self) -> Mapping[str, tuple[str, ...]]:
        """The images of each table that has variants, by its name."""
        found: dict[str, tuple[str, ...]] = {}
        for name, image in self.images.items():
            if image.variant_of:
                found[image.variant_of] = (*found.get(image.variant_of, ()), name)
        return found

    def named(self, names: Iterable[str]) -> list[str]:
        """``names`` with a table of variants as its images; each once, what is unknown as it is."""
        families = self.families()
        return list(dict.fromkeys(one for name in names for one in families.get(name, (name,))))


def no_image(name: str, images: Iterable[str], file: str = SPEC_FILE) -> LayersError:
    """What is told of a name that none of ``images`` has."""
    return LayersError(f"{name!r} is not an image of {file}{did_you_mean(name, images)}")


def no_stage(image: str, stage: str, stages: Iterable[str]) -> LayersError:
    """What is told of a stage that is none of those on an image's way."""
    return LayersError(f"{image} has no stage {stage!r} on its way{did_you_mean(stage, stages)}")
