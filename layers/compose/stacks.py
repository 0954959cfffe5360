"""Stacks of a project: which there are, what their services run, and each image held fast."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hashes.errors import LayersError
from layers.compose.compose import Composer, Files
from layers.compose.known import Candidate, Known
from layers.compose.match import UnknownImage, Unmatched, match, meant
from layers.compose.pin import Pinned, local_reference, override, project_name
from layers.compose.places import Places
from layers.compose.services import Service, read_services
from layers.config.spec import Image, Secret, Spec, Stack
from layers.graph.graph import Layer
from layers.graph.required import ssh_keys
from layers.oci.reference import Reference
from layers.plan.names import plain_name
from layers.plan.session import Session
from layers.runtime.files import write_whole


@dataclass(frozen=True)
class Prepared:
    """A stack whose files were read."""

    name: str
    files: Files
    services: tuple[Service, ...]
    layers: Mapping[str, Layer]
    """By service, those that run an image of ours."""


def chosen(spec: Spec, names: Sequence[str]) -> tuple[Stack, ...]:
    """The stacks that are named, each once; without names all.

    Raises LayersError for one that is not there, and where there are none at all.
    """
    from hashes.errors import did_you_mean

    if not spec.stacks:
        raise LayersError(
            "images.toml has no stacks",
            hint='[stacks.NAME] with compose = ["compose.yaml"] makes one',
        )
    for name in names:
        if name not in spec.stacks:
            guess = did_you_mean(name, spec.stacks)
            known = f"stacks here: {', '.join(spec.stacks)}"
            raise LayersError(f"{name!r} is not a stack of images.toml{guess}", hint=known)
    return tuple(spec.stacks[name] for name in dict.fromkeys(names or spec.stacks))


def prepare(run: Session, composer: Composer, stack: Stack, over: Sequence[str]) -> Prepared:
    """Read a stack's files, and those laid ``over`` them; paths are relative to images.toml.

    Raises LayersError for a file that is not there, ComposeError for one that compose refuses,
    UnknownImage with all services whose image cannot be told.
    """
    if stack.fault is not None:
        raise stack.fault
    paths = [os.path.join(run.project.root, path) for path in (*stack.compose, *over)]
    for path, written in zip(paths, (*stack.compose, *over), strict=True):
        if not os.path.isfile(path):
            raise LayersError(f"there is no compose file {written!r}")
    files = Files(project_name(run.project.spec.project, stack.name), tuple(paths))
    services = read_services(composer.config(files))
    known = known_images(run)
    alone = {each.name: layer for each in services if (layer := meant(each, known)) is not None}
    known = replace(known, services=alone)
    places = Places(dict(zip((*stack.compose, *over), paths, strict=True)))
    layers = {}
    faults = []
    for each in services:
        try:
            layer = match(each, known, places.where)
        except UnknownImage as error:
            faults.append(error)
            continue
        if layer is not None:
            layers[each.name] = layer
    if faults:
        raise Unmatched(faults)
    return Prepared(stack.name, files, services, layers)


def pinned(run: Session, stack: Prepared) -> tuple[Pinned, ...]:
    """What each service is to run, once the engine has the layers; others are left as they are.

    Raises LayersError for a layer that the engine does not have.
    """
    found = []
    for service in stack.services:
        layer = stack.layers.get(service.name)
        if layer is not None:
            found.append(Pinned(service.name, _held(run, layer), layer))
        elif service.build is None and (upstream := _locked(run, service.image)):
            found.append(Pinned(service.name, upstream))
    return tuple(found)


def laid_over(run: Session, stack: Prepared, pins: Sequence[Pinned]) -> Files:
    """The stack's files with the one that pins its images, which is written below .layers."""
    path = run.project.state.path(f"compose/{stack.files.project}.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    write_whole(path, override(pins).encode())
    return Files(stack.files.project, (*stack.files.paths, path))


def _held(run: Session, layer: Layer) -> str:
    names = run.planner.names(layer, run.project.inputs.key(layer))
    image = run.backends.engine.find([names.keyed]).get(names.keyed)
    if image is None:
        raise LayersError(
            f"the engine does not have {names.keyed}",
            hint="something else removed it meanwhile; run again",
        )
    by_digest = local_reference(names, image.digest)
    known = run.backends.engine.find([by_digest])
    return by_digest if by_digest in known else local_reference(names, None)


def _locked(run: Session, image: str) -> str:
    """The upstream that a name means here, by digest where the lock has one; "": as written."""
    if not image:
        return ""
    instead = run.project.spec.upstream.get(Reference.parse(image).normal)
    text = instead or image
    pin = run.project.lock.find(text, run.project.spec.platform) if "@" not in text else None
    return pin.reference if pin is not None else instead or ""


def known_images(run: Session) -> Known:
    """Every image and stage of a run, by name, by tag and by how it is built."""
    spec, inputs = run.project.spec, run.project.inputs
    names: dict[str, Layer] = {}
    candidates = []
    for name, image in spec.images.items():
        kept = () if name in inputs.graph.faults else inputs.named_stages(name)
        for stage in kept:
            layer = Layer(name, stage)
            names[Reference.parse(plain_name(spec, layer)).normal] = layer
        candidates.append(_candidate(run, image, kept))
    for name, image in spec.images.items():
        for text in (image.tag, name):
            names[Reference.parse(text).normal] = Layer(name)
    for normal, instead in spec.upstream.items():
        ours = spec.find(Reference.parse(instead))
        if ours is not None:
            names[normal] = Layer(ours.name)
    platform = spec.platform
    return Known(
        tuple(candidates),
        names,
        lambda text: run.project.lock.find(text, platform) is not None,
        lambda layer, args: run.project.stays(layer, args),
    )


def _candidate(run: Session, image: Image, kept: Sequence[str]) -> Candidate:
    if image.rootfs is not None:
        return Candidate(image.name, "", "", (), 0, ())
    context = os.path.join(run.project.root, image.context)
    dockerfile = os.path.join(run.project.root, image.dockerfile)
    if image.name in run.project.inputs.graph.faults:
        return Candidate(image.name, context, dockerfile, (), 0, (), faulty=True)
    project = run.project
    stages = tuple(stage.name.lower() for stage in project.inputs.dockerfile(image).stages)
    secrets = {name: project.spec.secrets[name] for name in image.secrets}
    keys = ssh_keys(project.root, image)
    return Candidate(
        image=image.name,
        context=context,
        dockerfile=dockerfile,
        stages=stages,
        target=run.project.inputs.reached(image.name)[-1].index,
        kept=tuple(stage.lower() for stage in kept),
        args=image.args,
        late=tuple(image.late),
        contexts={
            **{name: os.path.join(project.root, at) for name, at in image.contexts.items()},
            **{name: f"docker-image://{at}" for name, at in image.called.items()},
            **image.git,
        },
        network=image.network,
        ssh={each.partition("=")[0]: each.partition("=")[2] for each in keys},
        sandbox=image.sandbox,
        secrets={name: _source(project.root, secret) for name, secret in secrets.items()},
        platform="" if _own_platform(run, image.name) else project.spec.platform_of(image.name),
    )


def _source(root: str, secret: Secret) -> str:
    """Where a secret comes from, as `Build.secrets` has it; "": this machine's settings."""
    if secret.file is not None:
        path = os.path.join(root, os.path.expanduser(secret.file))
        return f"file:{os.path.normpath(path)}"
    return f"env:{secret.env}" if secret.env is not None else ""


def _own_platform(run: Session, name: str) -> bool:
    """Whether ``FROM --platform`` in an image, or in one below it, may make it another one's."""
    inputs, images = run.project.inputs, run.project.spec.images
    below = inputs.graph.closure([name])
    if any(each in inputs.graph.faults for each in below):
        return True
    return any(
        stage.platform is not None
        for each in below
        if images[each].rootfs is None
        for stage in inputs.dockerfile(images[each]).stages
    )
