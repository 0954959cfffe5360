"""Matching: which of our layers a service of a compose file means."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hashes.errors import LayersError, did_you_mean
from layers.compose.services import Build, Service
from layers.graph.graph import Layer
from layers.oci.reference import BadReference, Reference


@dataclass(frozen=True)
class Candidate:
    """One of our images, as a service may mean it."""

    image: str
    context: str
    """An absolute folder; empty: it is not made from a Dockerfile."""
    dockerfile: str
    """An absolute path."""
    stages: tuple[str, ...]
    """All stages of the Dockerfile in lower case, "" for one without a name; none at all where
    nobody can tell them, and then every target means the image."""
    target: int
    """Which of them is the image."""
    kept: tuple[str, ...]
    """Named stages that are layers of their own, in lower case."""

    def layer(self, target: str | None) -> Layer | None:
        """What a target of the Dockerfile is; None: a stage that is no layer."""
        if not self.stages:
            return Layer(self.image)
        wanted = self._index(target)
        if wanted == self.target:
            return Layer(self.image)
        if wanted is None or self.stages[wanted] not in self.kept:
            return None
        return Layer(self.image, self.stages[wanted])

    def _index(self, target: str | None) -> int | None:
        if target is None:
            return len(self.stages) - 1
        if target.lower() in self.stages:
            return self.stages.index(target.lower())
        number = int(target) if target.isdecimal() else -1
        return number if 0 <= number < len(self.stages) else None


@dataclass(frozen=True)
class Known:
    """All that a service can mean."""

    candidates: tuple[Candidate, ...]
    names: Mapping[str, Layer]
    """Names, tags and stages of ours, as `Reference.normal`."""
    locked: Callable[[str], bool]
    """Whether the lock has an upstream of that name."""


class UnknownImage(LayersError):
    """A service whose image cannot be told."""


def match(service: Service, known: Known) -> Layer | None:
    """The layer that a service runs; None: its image is none of ours.

    A ``build`` says more than a name: it has the stage. Where several images are built from one
    Dockerfile, the name says which. Raises UnknownImage where neither decides.
    """
    named = _named(service, known)
    if service.build is not None:
        found = _built(service.build, known.candidates)
        of_name = [layer for layer in found if named is not None and layer.image == named.image]
        found = of_name or ([] if named is not None else found)
        if len(found) > 1:
            images = " and ".join(str(layer) for layer in found)
            raise UnknownImage(
                f"service {service.name}: its build is that of {images}",
                hint=f"write which one beside it, for instance image: {found[0]}",
            )
        if found:
            return found[0]
    if named is None and service.build is None:
        _refuse_slip(service, known)
    return named


def _named(service: Service, known: Known) -> Layer | None:
    try:
        return known.names.get(Reference.parse(service.image).normal) if service.image else None
    except BadReference as error:
        raise UnknownImage(f"service {service.name}: {error.message}") from None


def _built(build: Build, candidates: Sequence[Candidate]) -> list[Layer]:
    found = []
    for each in candidates:
        if each.context and _same(each.context, build.context):
            layer = each.layer(build.target) if _same(each.dockerfile, build.dockerfile) else None
            found += [layer] if layer is not None else []
    return found


def _same(ours: str, theirs: str) -> bool:
    return os.path.normpath(ours) == os.path.normpath(theirs)


def _refuse_slip(service: Service, known: Known) -> None:
    """A bare name that is nearly one of ours is not looked for at Docker Hub."""
    name = service.image
    if not name or set(name) & set("/:@") or known.locked(name):
        return
    ours = [Reference.parse(text).untagged() for text in known.names]
    if guess := did_you_mean(name, ours):
        raise UnknownImage(
            f"service {service.name}: {name!r} is not an image of images.toml{guess}",
            hint=f"an upstream image of that name needs its tag, {name}:latest, or `doit lock`",
        )
