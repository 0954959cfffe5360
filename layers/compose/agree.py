"""Agreement: where what a service says of its build is not what images.toml says of the image."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hashes.dockerfile.arguments import looks_secret, platform
from hashes.errors import did_you_mean
from layers.compose.known import Candidate, Known
from layers.compose.services import Build, Service
from layers.config.sandbox import Sandbox
from layers.graph.graph import Layer
from layers.oci.reference import BadReference, Reference

_IMAGE_SCHEME = "docker-image://"
_SERVICE_SCHEME = "service:"


@dataclass(frozen=True)
class Difference:
    """One thing that a service says and our image is not."""

    key: tuple[str, ...]
    """Below the service: ``("build", "args", "A")``."""
    said: str
    hint: str


def differences(
    service: Service, build: Build, candidate: Candidate, layer: Layer, known: Known
) -> Iterator[Difference]:
    """All of them; ``build`` is one of ``layer``, by context, Dockerfile and target.

    What the service leaves out is as images.toml has it.
    """
    if candidate.faulty:
        return
    yield from _args(build, candidate, layer, known)
    yield from _contexts(build, candidate, known)
    if build.network and build.network != candidate.network:
        yield Difference(
            ("build", "network"),
            f"it is {build.network!r}, of image {candidate.image} {candidate.network!r}",
            _remedy(candidate, f'network = "{build.network}"')
            if build.network in ("default", "none", "host")
            else "RUN steps run in BuildKit, which is in no network of docker's or compose's:"
            " default, none or host",
        )
    yield from _sandbox(build.sandbox, candidate)
    yield from _secrets(build, candidate)
    yield from _ssh(build, candidate)
    yield from platforms(service, candidate)
    for key in build.others:
        yield Difference(
            ("build", key),
            f"image {candidate.image} of images.toml has nothing like it",
            _OTHERS.get(key, f"take {key} out")
            + f"; or write image: {layer} instead of build, and the image is as images.toml has it",
        )


_OTHERS = {
    "labels": "take labels out, and write LABEL into the Dockerfile",
}
"""What to do instead of some of the keys that images.toml does not have."""


def platforms(service: Service, candidate: Candidate) -> Iterator[Difference]:
    """Where a service asks for a platform that the image does not have."""
    if not candidate.platform:
        return
    ours = _platform(candidate.platform)
    if service.platform and _platform(service.platform) != ours:
        said = f"it is {service.platform!r}, image {candidate.image} is for {candidate.platform}"
        toml = f'platform = "{_platform(service.platform)}"'
        yield Difference(("platform",), said, _remedy(candidate, toml))
    asked = service.build.platforms if service.build is not None else ()
    if asked and ours not in map(_platform, asked):
        said = f"{', '.join(asked)}: image {candidate.image} is for {candidate.platform}"
        toml = f'platform = "{_platform(asked[0])}"'
        hint = f"add {candidate.platform} to platforms; or {_remedy(candidate, toml)}"
        yield Difference(("build", "platforms"), said, hint)


def place(build: Build, candidate: Candidate, layer: Layer) -> Difference | None:
    """The first reason why a build is another image's than the service's ``image`` names."""
    alone = f"take build out and leave image: {layer}, or give the service another image:"
    names = f"image: names {layer} of images.toml"
    if not candidate.context:
        said = f"{names}, which is made from packages and has no Dockerfile"
        return Difference(("build",), said, alone)
    if not build.dockerfile:
        said = f"{names}, which is built from {candidate.dockerfile}"
        return Difference(("build", "dockerfile_inline"), said, alone)
    if not same_path(candidate.context, build.context):
        said = f"it is {build.context}; {names}, whose context is {candidate.context}"
        return Difference(("build", "context"), said, alone)
    if not same_path(candidate.dockerfile, build.dockerfile):
        said = f"it is {build.dockerfile}; {names}, which is built from {candidate.dockerfile}"
        return Difference(("build", "dockerfile"), said, alone)
    found = candidate.layer(build.target)
    if found is None:
        wanted = f"it is {build.target!r}" if build.target else "the last stage is meant"
        said = f"{wanted}; {names}, whose target is {candidate.title}"
        guess = did_you_mean((build.target or "").lower(), candidate.targets)
        hint = f"targets of {layer.image}: {', '.join(candidate.targets)}{guess}"
        return Difference(("build", "target"), said, hint)
    if layer.stage is not None and found != layer:
        said = f"image: names {layer} of images.toml, and the target is that of {found}"
        return Difference(("build", "target"), said, f"write target: {layer.stage}")
    return None


def same_path(ours: str, theirs: str) -> bool:
    """Whether two spellings are one path."""
    return os.path.normpath(ours) == os.path.normpath(theirs)


def _args(build: Build, candidate: Candidate, layer: Layer, known: Known) -> Iterator[Difference]:
    other = {
        name: value
        for name, value in build.args.items()
        if candidate.args.get(name) != value and name not in candidate.late
    }
    if not other or known.same(layer, other):
        return
    for name, value in other.items():
        if len(other) > 1 and known.same(layer, {name: value}):
            continue
        ours = candidate.args.get(name)
        if looks_secret(name):
            said = f"its value is not that of image {candidate.image}"
        else:
            kept = "does not set it" if ours is None else f"has {ours!r}"
            said = f"it is {value!r}; image {candidate.image} {kept}, and becomes another by it"
        toml = "in args" if looks_secret(name) else f'args = {{ {name} = "{value}" }}'
        yield Difference(
            ("build", "args", name),
            said,
            _remedy(candidate, toml) + f"; for both, make two variants of {candidate.image}",
        )


def _sandbox(said: Sandbox, candidate: Candidate) -> Iterator[Difference]:
    ours = candidate.sandbox
    for key, theirs, own, toml in (
        ("extra_hosts", said.add_hosts, ours.add_hosts, f"add_hosts = {_table(said.add_hosts)}"),
        ("shm_size", said.shm_size, ours.shm_size, f'shm_size = "{said.shm_size} B"'),
        ("ulimits", said.ulimits, ours.ulimits, f"ulimits = {_table(said.ulimits)}"),
    ):
        if theirs and theirs != own:
            kept = f"has {_words(own)}" if own else "says nothing of it"
            message = f"it is {_words(theirs)}; image {candidate.image} {kept}"
            yield Difference(("build", key), message, _remedy(candidate, toml))


def _words(value: object) -> str:
    return " ".join(value) if isinstance(value, tuple) else str(value)


def _table(pairs: Sequence[str]) -> str:
    """``name:address`` and ``name=soft:hard`` as images.toml has them."""
    split = (re.split("[:=]", each, maxsplit=1) for each in pairs)
    return "{ " + ", ".join(f'"{name}" = "{value}"' for name, value in split) + " }"


def _contexts(build: Build, candidate: Candidate, known: Known) -> Iterator[Difference]:
    for name, value in build.contexts.items():
        ours = candidate.contexts.get(name)
        if ours is not None and same_path(ours, value):
            continue
        if ours is None or ours.startswith(_IMAGE_SCHEME):
            meant = name if ours is None else ours.removeprefix(_IMAGE_SCHEME)
            if _means(value, meant, known):
                continue
        have = f"{ours} in images.toml" if ours is not None else "not a context in images.toml"
        if value.startswith((_IMAGE_SCHEME, _SERVICE_SCHEME)):
            hint = _remedy(candidate, f'contexts.{name} = "docker-image://…"')
        elif "://" in value:
            hint = _remedy(candidate, f'contexts.{name} = "{value}"')
        else:
            hint = _remedy(candidate, f"contexts.{name}")
        said = f"it is {value}; of image {candidate.image} it is {have}"
        yield Difference(("build", "additional_contexts", name), said, hint)


def _means(value: str, name: str, known: Known) -> bool:
    """Whether an image as a context is what its name means in images.toml anyway."""
    try:
        meant = Reference.parse(name).normal
        if value.startswith(_IMAGE_SCHEME):
            normal = Reference.parse(value.removeprefix(_IMAGE_SCHEME)).normal
            given = known.names.get(normal)
            return normal == meant if given is None else given == known.names.get(meant)
    except BadReference:
        return False
    if value.startswith(_SERVICE_SCHEME):
        layer = known.services.get(value.removeprefix(_SERVICE_SCHEME))
        return layer is not None and layer == known.names.get(meant)
    return False


def _secrets(build: Build, candidate: Candidate) -> Iterator[Difference]:
    for name, source in build.secrets.items():
        key = ("build", "secrets")
        if name not in candidate.secrets:
            said = f"{name!r} is no secret of image {candidate.image}"
            guess = did_you_mean(name, candidate.secrets)
            hint = f'secrets = ["{name}"] in {candidate.table} of images.toml, and [secrets.{name}]'
            yield Difference(key, said + guess, hint)
        elif source and candidate.secrets[name] and source != candidate.secrets[name]:
            said = f"{name!r} is {source}, in images.toml {candidate.secrets[name]}"
            yield Difference(key, said, f"write one of them into [secrets.{name}] and here")


def _ssh(build: Build, candidate: Candidate) -> Iterator[Difference]:
    for name, path in build.ssh.items():
        ours = candidate.ssh.get(name)
        if ours is None or (path and not same_path(ours, os.path.expanduser(path))):
            kept = "offers no such" if ours is None else f"has {ours or 'the agent'}"
            said = f"it is {path or 'the agent'}; image {candidate.image} {kept}"
            toml = f'ssh = ["{name}={path}"]' if path else f'ssh = ["{name}"]'
            yield Difference(("build", "ssh"), f"{name!r}: {said}", _remedy(candidate, toml))


def _platform(text: str) -> str:
    try:
        return platform(text)
    except ValueError:
        return text


def _remedy(candidate: Candidate, toml: str) -> str:
    return f"write {toml} into {candidate.table} of images.toml, or take it out of the service"
