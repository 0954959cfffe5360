"""Readings: what one file of a repository says of images, and what could not be understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hashes.errors import LayersError
from layers.adopt.sources.options import Options
from layers.config.sandbox import Sandbox


class Lacking(NamedTuple):
    """Build arguments that no file gives, and without which a FROM names no image."""

    names: tuple[str, ...]
    base: str
    """What stands behind FROM, as written."""
    line: int


@dataclass(frozen=True)
class Build:
    """One image, as a file says that it is built; all paths are relative to the root."""

    file: str
    """The file that says it; empty: nobody does, its Dockerfile was found."""
    line: int | None
    kind: str
    """``compose``, ``bake``, ``workflow`` or ``dockerfile``."""
    name: str
    """What the file calls it: a service, a target, a job; empty: nothing."""
    context: str
    """A folder, ``.`` for the root."""
    dockerfile: str
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    """References that it gets, each of them valid."""
    repositories: tuple[str, ...] = ()
    """Those of which only the tag is not known."""
    hints: tuple[str, ...] = ()
    """Last parts of references of which no more is known."""
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Named contexts: a folder, ``target:NAME`` or ``docker-image://…``."""
    secrets: tuple[str, ...] = ()
    network: str = ""
    sandbox: Sandbox = field(default_factory=Sandbox)
    options: Options = field(default_factory=Options)
    variant: str = ""
    """What tells it from others of the same step, as the values of a matrix; empty: nothing."""
    notes: tuple[str, ...] = ()
    """What was said of it and is not taken over, a sentence each."""
    lacking: Lacking | None = None
    """What somebody has to give first; its args hold a word in those places."""

    @property
    def where(self) -> str:
        """The place that says it, for people."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        if not self.name or self.kind == "dockerfile":
            return place or self.dockerfile
        return f"{place} ({_KINDS[self.kind]} {self.name})"


_KINDS = {"compose": "service", "bake": "target", "workflow": "job"}


@dataclass(frozen=True)
class Stack:
    """Services that some compose files start together."""

    name: str
    files: tuple[str, ...]
    """Each laid over those before it."""
    images: tuple[str, ...]
    """References that its services run without building them."""
    builds: int
    """How many of its services are built."""


@dataclass(frozen=True)
class LeftOut:
    """Something that was seen and is not proposed."""

    what: str
    why: str


@dataclass(frozen=True)
class Reading:
    """What was read."""

    builds: tuple[Build, ...] = ()
    stacks: tuple[Stack, ...] = ()
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By id: what its table in images.toml has."""
    left_out: tuple[LeftOut, ...] = ()
    faults: tuple[LayersError, ...] = ()
    """What could not be read, with file and line; the rest counts."""
    imageless: frozenset[str] = frozenset()
    """Dockerfiles of which a file says that they give files or checks, and no image."""

    def __add__(self, other: Reading) -> Reading:
        """Both, in this order."""
        return Reading(
            self.builds + other.builds,
            self.stacks + other.stacks,
            {**other.secrets, **self.secrets},
            self.left_out + other.left_out,
            self.faults + other.faults,
            self.imageless | other.imageless,
        )
