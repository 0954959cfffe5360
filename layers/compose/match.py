"""Matching: which of our layers a service of a compose file means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hashes.errors import LayersError, Several, did_you_mean
from layers.compose.agree import Difference, differences, place, platforms, same_path
from layers.compose.known import Candidate, Known
from layers.compose.services import Build, Service
from layers.graph.graph import Layer
from layers.oci.reference import BadReference, Reference

Where = Callable[[Sequence[str]], tuple[str | None, int | None]]
"""File and line of what stands at keys below ``services``; None where that cannot be told."""


def nowhere(_keys: Sequence[str]) -> tuple[None, None]:
    """A `Where` that knows no file."""
    return None, None


class UnknownImage(LayersError):
    """A service whose image cannot be told."""


class Unlike(Several, UnknownImage):
    """A service that says more of its build than our image of that name or place is."""

    def __init__(self, service: Service, found: Sequence[Difference], where: Where) -> None:
        said = []
        for each in found:
            file, line = where((service.name, *each.key))
            message = f"service {service.name}: {'.'.join(each.key)}: {each.said}"
            said.append(LayersError(message, file=file, line=line, hint=each.hint))
        super().__init__(said)


class Unmatched(Several, UnknownImage):
    """All services of a stack whose images cannot be told."""


def match(service: Service, known: Known, where: Where = nowhere) -> Layer | None:
    """The layer that a service runs; None: its image is none of ours.

    A ``build`` says more than a name: it has the stage. Where several images are built from one
    Dockerfile, the name says which, or else what the build says beside. Raises UnknownImage where
    nothing decides, and Unlike where the service says what our image is not.
    """
    named = _named(service, known)
    build = service.build
    if build is None:
        if named is None:
            _refuse_slip(service, known)
        elif (candidate := known.candidate(named)) is not None:
            _refuse(service, [*platforms(service, candidate)], where)
        return named
    candidate = known.candidate(named) if named is not None else None
    if named is not None and candidate is not None:
        return _of_name(service, build, named, candidate, known, where)
    return _of_build(service, build, known, where)


def meant(service: Service, known: Known) -> Layer | None:
    """The layer that a service means by name and place alone; None: nobody can tell from them."""
    try:
        named = _named(service, known)
    except UnknownImage:
        return None
    if service.build is None or named is not None:
        return named
    found = [layer for _, layer in _fits(service.build, known)]
    return found[0] if len(found) == 1 else None


def _of_name(
    service: Service,
    build: Build,
    named: Layer,
    candidate: Candidate,
    known: Known,
    where: Where,
) -> Layer:
    """By its name, and all that its build says must be so."""
    wrong = place(build, candidate, named)
    _refuse(service, [wrong] if wrong is not None else [], where)
    layer = candidate.layer(build.target) or named
    _refuse(service, [*differences(service, build, candidate, layer, known)], where)
    return layer


def _of_build(service: Service, build: Build, known: Known, where: Where) -> Layer | None:
    fits = _fits(build, known)
    if not fits:
        _refuse_target(service, build, known, where)
        return None
    found = {
        layer: [*differences(service, build, candidate, layer, known)] for candidate, layer in fits
    }
    agree = [(candidate, layer) for candidate, layer in fits if not found[layer]]
    if not agree:
        fewest = min(found, key=lambda layer: len(found[layer]))
        _refuse(service, found[fewest], where)
    exact = [layer for candidate, layer in agree if dict(candidate.args) == dict(build.args)]
    layers = exact if len(exact) == 1 else [layer for _, layer in agree]
    if len(layers) > 1:
        file, line = where((service.name, "build"))
        images = " and ".join(str(layer) for layer in layers)
        raise UnknownImage(
            f"service {service.name}: its build is that of {images}",
            file=file,
            line=line,
            hint=f"write which one beside it, for instance image: {layers[0]}",
        )
    return layers[0]


def _fits(build: Build, known: Known) -> list[tuple[Candidate, Layer]]:
    """Images that are built from that context, Dockerfile and target."""
    found = ((one, one.layer(build.target)) for one in _placed(build, known))
    return [(one, layer) for one, layer in found if layer is not None]


def _placed(build: Build, known: Known) -> list[Candidate]:
    return [
        each
        for each in known.candidates
        if each.context
        and build.dockerfile
        and same_path(each.context, build.context)
        and same_path(each.dockerfile, build.dockerfile)
    ]


def _refuse(service: Service, found: Sequence[Difference], where: Where) -> None:
    if found:
        raise Unlike(service, found, where)


def _refuse_target(service: Service, build: Build, known: Known, where: Where) -> None:
    """A stage that is no layer is compose's to build; one that is not there is a slip."""
    for each in _placed(build, known):
        if each.index(build.target) is None:
            stages = [stage for stage in each.stages if stage]
            guess = did_you_mean((build.target or "").lower(), stages)
            said = f"{build.target!r} is no stage of {each.dockerfile}{guess}"
            hint = f"its stages: {', '.join(stages) or 'none has a name'}"
            raise Unlike(service, [Difference(("build", "target"), said, hint)], where)


def _named(service: Service, known: Known) -> Layer | None:
    try:
        return known.names.get(Reference.parse(service.image).normal) if service.image else None
    except BadReference as error:
        raise UnknownImage(f"service {service.name}: {error.message}") from None


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
