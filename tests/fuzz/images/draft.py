"""Drafts: a project while it is drawn, as things that kinds of cases add to and change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.images.project import REGISTRY, UNIQUE, Image, Item, Project

WORDS = ("one", "two", "three", "four", "five")


@dataclass
class Stage:
    """One stage of a Dockerfile."""

    base: str
    """What its FROM says, flags too."""
    name: str = ""
    lines: list[str] = field(default_factory=list)
    shell: bool = False
    """Whether RUN works in it."""

    def text(self) -> list[str]:
        """Its instructions."""
        tail = f" AS {self.name}" if self.name else ""
        head = self.base if self.base.startswith("from ") else f"FROM {self.base}{tail}"
        return [head, *self.lines]


@dataclass
class DraftImage:
    """One image."""

    name: str
    """Without what makes it unique."""
    stages: list[Stage]
    head: list[str] = field(default_factory=list)
    """Global args."""
    context: str = ""
    dockerfile: str = "Dockerfile"
    tag: str = ""
    target: str = ""
    args: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    push: bool = False
    push_stages: list[str] = field(default_factory=list)
    network: str = ""
    variants: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def full(self) -> str:
        """Its name in images.toml."""
        return f"{self.name}-{UNIQUE}"

    @property
    def folder(self) -> str:
        """Its context."""
        return self.context or self.name

    @property
    def last(self) -> Stage:
        """The last stage."""
        return self.stages[-1]

    def done(self) -> Image:
        """The value."""
        lines = [*self.head, *(line for stage in self.stages for line in stage.text())]
        return Image(
            self.full,
            tuple(lines),
            self.folder,
            self.dockerfile,
            self.tag,
            self.target,
            dict(self.args),
            dict(self.contexts),
            self.push,
            tuple(self.push_stages),
            self.network,
            {variant: dict(args) for variant, args in self.variants.items()},
        )


@dataclass
class Draft:
    """A project that is being drawn."""

    rng: Random
    images: list[DraftImage] = field(default_factory=list)
    files: dict[str, Item] = field(default_factory=dict)
    upstream: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    platform: str = ""
    locked: bool = False
    folder: str = "repo"
    count: int = 0

    def chance(self, often: float) -> bool:
        """True in so many of one."""
        return self.rng.random() < often

    def number(self) -> int:
        """Ever another one."""
        self.count += 1
        return self.count

    def file(self, folder: str, name: str, item: Item | None = None) -> str:
        """Put a file into a context; its name there."""
        if item is None:
            item = Item(text=f"{self.rng.choice(WORDS)} {self.number()} {UNIQUE}\n")
        path = name if folder == "." else f"{folder}/{name}"
        self.files.setdefault(path, item)
        return name

    def image(self, base: str = "", *, name: str = "", shell: bool | None = None) -> DraftImage:
        """A new image of one stage upon ``base``; "": whatever may be."""
        known = shell
        if not base:
            base, known = self.base()
        found = DraftImage(name or f"{self.rng.choice(('app', 'lib', 'svc'))}{self.number()}", [])
        found.stages.append(Stage(base, shell=bool(known)))
        self.images.append(found)
        found.push = self.chance(0.6)
        return found

    def base(self) -> tuple[str, bool]:
        """An image to start from, and whether it has a shell."""
        if self.images and self.chance(0.65):
            parent = self.rng.choice(self.images)
            if not parent.variants:
                return parent.full if not parent.tag else parent.tag, parent.last.shell
        name = self.rng.choice(("busybox", "busybox", "busybox", "files", "scratch"))
        if name == "scratch":
            return "scratch", False
        return f"{REGISTRY}/up/{name}:1", name == "busybox"

    def named_upstream(self, name: str, of: str = "busybox") -> str:
        """An upstream that goes by a short name, as those of Docker Hub do."""
        repository, _, tag = name.partition(":")
        full = f"{repository}-{UNIQUE}:{tag or 'latest'}"
        self.upstream[full] = f"{REGISTRY}/up/{of}:1"
        return full if tag else f"{repository}-{UNIQUE}"

    def some(self, image: DraftImage, stage: Stage | None = None, at_most: int = 3) -> None:
        """Give a stage a few ordinary instructions."""
        stage = stage or image.last
        for _ in range(self.rng.randint(1, at_most)):
            lot = self.rng.random()
            number = self.number()
            if lot < 0.45:
                name = self.file(image.folder, f"f{number}.txt")
                stage.lines.append(f"COPY {name} /{self.rng.choice(('', 'd/', 'e/'))}f{number}")
            elif lot < 0.6 and stage.shell:
                stage.lines.append(f"RUN echo {UNIQUE} > /r{number}")
            elif lot < 0.8:
                stage.lines.append(f"ENV E{number}={self.rng.choice(WORDS)}")
            else:
                stage.lines.append(f"LABEL l{number}={self.rng.choice(WORDS)}")

    def pick(self, choices: Sequence[str]) -> str:
        """One of them."""
        return self.rng.choice(choices)

    def done(self) -> Project:
        """The value."""
        if not any(image.push for image in self.images):
            self.images[-1].push = True
        return Project(
            tuple(image.done() for image in self.images),
            dict(self.files),
            dict(self.upstream),
            dict(self.environ),
            self.platform,
            self.locked,
            self.folder,
        )
