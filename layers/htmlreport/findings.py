"""Findings: all that the page tells, as values."""

from __future__ import annotations

from typing import NamedTuple

from layers.picture.drawing import Drawing


class Status(NamedTuple):
    """A layer as it is now."""

    name: str
    kind: str
    """``image``, ``stage`` or ``base``."""
    state: str
    reason: str = ""
    """The first one; "": the state says all."""
    more: int = 0
    """How many reasons there are beside."""
    size: int | None = None
    """Bytes."""
    created: float | None = None
    """Unix seconds."""
    expected: float | None = None
    """Seconds that what is to be done took before."""


class Part(NamedTuple):
    """A filesystem layer."""

    made_by: str
    size: int
    """Bytes, unpacked."""


class Package(NamedTuple):
    """An installed package, as ``doit sizes`` measures it."""

    name: str
    """With its manager before it: ``pip torch``."""
    size: int
    """Bytes of its files."""


class Weight(NamedTuple):
    """How much a layer takes at one key."""

    key: str
    time: float
    """When it was made, in Unix seconds."""
    size: int
    """Bytes, unpacked."""
    parts: tuple[Part, ...] = ()
    """Lowest first; empty: not known."""
    packages: tuple[Package, ...] = ()
    """Largest first; empty: none, or not known."""


class Growth(NamedTuple):
    """A layer's weights over time."""

    layer: str
    weights: tuple[Weight, ...]
    """Oldest first; at least one."""
    budget: int | None = None
    """Bytes that it may take (``max_size``)."""


class Work(NamedTuple):
    """A piece of work that this checkout did, or was told of by an image."""

    time: float
    """When it ended, in Unix seconds."""
    layer: str
    action: str
    key: str
    """"" where another machine did it."""
    seconds: float
    ok: bool


class Age(NamedTuple):
    """Since when something that images stand on is the same."""

    name: str
    what: str
    """``upstream``, ``refreshed base`` or ``system base``."""
    since: float
    """Unix seconds."""
    users: tuple[str, ...]
    """Images that are made from it."""
    note: str = ""


class Reason(NamedTuple):
    """Why a layer has another key than before."""

    layer: str
    new: str
    old: str | None
    """None: no earlier key is known."""
    since: float | None
    """When something was first done at the new key, in Unix seconds; None: never."""
    causes: tuple[tuple[str, str], ...] = ()
    """The layer in which somebody changed something, and what."""
    note: str = ""
    """Why there are no causes."""


class Findings(NamedTuple):
    """Everything."""

    project: str
    profile: str
    """"" without one."""
    time: float
    """Of the report, in Unix seconds."""
    summary: str
    """As below ``doit list``."""
    drawing: Drawing
    layers: tuple[Status, ...] = ()
    growths: tuple[Growth, ...] = ()
    works: tuple[Work, ...] = ()
    """Oldest first."""
    ages: tuple[Age, ...] = ()
    """Oldest first."""
    reasons: tuple[Reason, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be found out, and why."""
