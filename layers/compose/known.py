"""Known: the images of images.toml, as services of a compose file may mean them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from layers.config.sandbox import Sandbox
from layers.graph.graph import Layer


@dataclass(frozen=True)
class Candidate:
    """One of our images, as a service may mean it."""

    image: str
    context: str
    """An absolute folder; empty: it is not made from a Dockerfile."""
    dockerfile: str
    """An absolute path."""
    stages: tuple[str, ...]
    """All stages of the Dockerfile in lower case; empty for one without a name."""
    target: int
    """Which of them is the image."""
    kept: tuple[str, ...]
    """Named stages that are layers of their own, in lower case."""
    args: Mapping[str, str] = field(default_factory=dict)
    late: Collection[str] = ()
    """Args that only labels read, and that a moving tag fills in."""
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Absolute folders, ``docker-image://…`` and addresses by name."""
    network: str = "default"
    ssh: Mapping[str, str] = field(default_factory=dict)
    """A path by id; empty: the agent."""
    sandbox: Sandbox = field(default_factory=Sandbox)
    secrets: Mapping[str, str] = field(default_factory=dict)
    """``file:/path`` or ``env:NAME`` by id; empty: settings of this machine."""
    platform: str = ""
    """What the image is for; empty: its Dockerfile says so itself, or it is not known."""
    faulty: bool = False
    """Nothing else is known of it; making it tells what is wrong."""

    def layer(self, target: str | None) -> Layer | None:
        """What a target of the Dockerfile is; None: a stage that is no layer."""
        if self.faulty:
            return Layer(self.image)
        wanted = self.index(target)
        if wanted == self.target:
            return Layer(self.image)
        if wanted is None or self.stages[wanted] not in self.kept:
            return None
        return Layer(self.image, self.stages[wanted])

    def index(self, target: str | None) -> int | None:
        """Which stage a target is; None: there is no such stage."""
        if target is None:
            return len(self.stages) - 1
        if target.lower() in self.stages:
            return self.stages.index(target.lower())
        number = int(target) if target.isdecimal() else -1
        return number if 0 <= number < len(self.stages) else None

    @property
    def title(self) -> str:
        """What to call the image's own stage."""
        return (self.stages[self.target] if self.stages else "") or f"stage {self.target}"

    @property
    def targets(self) -> tuple[str, ...]:
        """What a service may have for a target."""
        own = self.stages[self.target] if self.stages else ""
        return (own or str(self.target), *self.kept)

    @property
    def table(self) -> str:
        """Where images.toml speaks of it."""
        return f"[images.{self.image}]"


@dataclass(frozen=True)
class Known:
    """All that a service can mean."""

    candidates: tuple[Candidate, ...]
    names: Mapping[str, Layer]
    """Names, tags and stages of ours, as `Reference.normal`."""
    locked: Callable[[str], bool]
    """Whether the lock has an upstream of that name."""
    same: Callable[[Layer, Mapping[str, str]], bool] = lambda _layer, _args: False
    """Whether a layer stays what it is with these args more."""
    services: Mapping[str, Layer] = field(default_factory=dict)
    """What other services of the stack are by their names alone, for contexts of this one."""

    def candidate(self, layer: Layer) -> Candidate | None:
        """The image that a layer is of."""
        return next((one for one in self.candidates if one.image == layer.image), None)
