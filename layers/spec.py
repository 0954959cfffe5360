"""The spec: what ``images.toml`` says, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hashes.algorithm import DEFAULT
from hashes.errors import LayersError
from layers.reference import Reference
from layers.specfaults import SpecError
from layers.suggest import did_you_mean

__all__ = ["Image", "Network", "Require", "Rootfs", "Secret", "Spec", "SpecError", "load"]

Network = Literal["default", "none", "host"]


@dataclass(frozen=True)
class Require:
    """A file that a build needs and git does not hold."""

    path: str
    """Relative to the image's context, inside it."""
    sha256: str | None
    """64 hex digits; None: any file will do."""
    message: str
    """Words for whoever has not got it."""
    make: tuple[str, ...] = ()
    """A command that makes it, run in the context; empty: there is none."""


@dataclass(frozen=True)
class Rootfs:
    """A system base made from Debian packages."""

    suite: str
    """The release, such as ``bookworm``."""
    packages: tuple[str, ...] = ()
    """Beside those that the variant brings, as apt-get takes them: ``name[:arch][=version]``."""
    variant: str = "apt"
    """Which packages are there at all, one of mmdebstrap's: ``apt`` is essential ones and apt."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment of the image; empty: none."""


@dataclass(frozen=True)
class Secret:
    """Where a secret comes from; exactly one of the three is set."""

    file: str | None = None
    """A path as written: absolute, below ``~``, or relative to images.toml."""
    env: str | None = None
    """The name of an environment variable."""
    builtin: Literal["pip", "npm"] | None = None
    """The host's own settings of that tool."""


@dataclass(frozen=True)
class Image:
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
    args: Mapping[str, str] = field(default_factory=dict)
    """Build args; an empty value is passed on as such."""
    push: bool = False
    """Whether it goes to the registry."""
    push_stages: tuple[str, ...] = ()
    """Named stages that go there too, in lower case as BuildKit has them."""
    secrets: tuple[str, ...] = ()
    """Ids, each of them in `Spec.secrets`."""
    network: Network = "default"
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Folders by the name that a Dockerfile gives to ``--from``."""
    max_size: int | None = None
    """Bytes; None: any size is right."""
    packages: str | None = None
    """Folder of Python package sources to serve while it builds; None: nothing is served."""
    require: tuple[Require, ...] = ()
    rootfs: Rootfs | None = None
    """None: it is built from its Dockerfile."""


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
    _memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def image(self, name: str) -> Image:
        """The image of that name.  Raises SpecError with a suggestion."""
        if name not in self.images:
            message = f"no image {name!r}{did_you_mean(name, self.images)}"
            raise SpecError([LayersError(message, file=self.path)])
        return self.images[name]

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

    def line(self, image: str, *keys: str | int) -> int | None:
        """Where the file speaks of an image, or of one of its keys; None: nowhere."""
        if "lines" not in self._memo:
            from layers.tomlines import lines

            self._memo["lines"] = lines(self.text)
        known = self._memo["lines"]
        tables: list[tuple[str | int, ...]] = [("images", image)]
        if self.profile is not None:
            tables.insert(0, ("profiles", self.profile, "images", image))
        for kept in range(len(keys), -1, -1):
            for table in tables:
                found: int | None = known.get((*table, *keys[:kept]))
                if found is not None:
                    return found
        return None


def load(
    text: str,
    *,
    path: str = "images.toml",
    profile: str | None,
    registry: str | None,
    platform: str,
    exists: Callable[[str], bool],
) -> Spec:
    """Read ``images.toml``; raises one SpecError that tells every fault of the file.

    ``registry`` overrides the file's (None: it does not, empty: no registry); ``platform`` is
    what the file does not say; ``exists`` is asked about paths relative to the file.
    """
    from layers.specread import Reader

    return Reader(text, path, profile, exists).spec(registry, platform)
