"""Proposals: an ``images.toml`` before it is written, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hashes.errors import LayersError
from layers.adopt.sources.options import Options
from layers.adopt.sources.reading import Lacking, LeftOut, Stack
from layers.config.sandbox import Sandbox


@dataclass(frozen=True)
class Needed:
    """A file that a build needs and git does not hold."""

    path: str
    """Relative to the context."""
    message: str


@dataclass(frozen=True)
class Proposed:
    """One image, or one variant of a table."""

    table: str
    variant: str
    """Empty: the table is the image."""
    context: str
    dockerfile: str
    """Relative to images.toml."""
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""
    """Empty: its name."""
    contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    network: str = ""
    sandbox: Sandbox = field(default_factory=Sandbox)
    options: Options = field(default_factory=Options)
    push_stages: tuple[str, ...] = ()
    require: tuple[Needed, ...] = ()
    parents: tuple[str, ...] = ()
    """Images of ours that it is made from."""
    said: tuple[str, ...] = ()
    """Where it is said, the place that counts first; empty: its Dockerfile was found."""
    notes: tuple[str, ...] = ()
    """Guesses, and what is not taken over."""
    lacking: Lacking | None = None
    """Args that somebody has to give first; they are empty here."""

    @property
    def name(self) -> str:
        """What its task is called."""
        return f"{self.table}-{self.variant}" if self.variant else self.table


def lacks(lacking: Lacking) -> str:
    """What is missing, as a sentence."""
    names = " and ".join(lacking.names)
    many = "s" if len(lacking.names) > 1 else ""
    return f"FROM {lacking.base} is no image, as no file gives the build argument{many} {names}"


@dataclass(frozen=True)
class Replaced:
    """An upstream name that is an image of ours, or another upstream."""

    name: str
    instead: str
    why: str


@dataclass(frozen=True)
class Proposal:
    """What is to be written, and what not."""

    project: str
    images: tuple[Proposed, ...] = ()
    stacks: tuple[Stack, ...] = ()
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    upstream: tuple[Replaced, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    lacking: tuple[Proposed, ...] = ()
    """Images that are written as comments: a build argument of theirs has to be given."""
    faults: tuple[LayersError, ...] = ()
    files: int = 0
    """How many files were read."""
