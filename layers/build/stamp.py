"""Stamps: labels and annotations that a moving tag brings along, put on without a build.

What tells the commit of an image would make another image of every commit if it were in the key.
So the image under its key has none of it; the tag points at a second manifest over the same
filesystem layers, of which only the configuration and the manifest are new.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from hashes.errors import LayersError
from layers.build.late_labels import late_labels
from layers.build.publish import Published
from layers.config.spec import Image
from layers.oci.artifact import MANIFEST_TYPE, descriptor, digest_of, oci
from layers.oci.digest import Digest
from layers.plan.session import Session
from layers.registry.registry import Registry, RegistryError, RegistryRejected
from layers.runtime import placeholders, process

Facts = Callable[[str], str]
"""The value of a placeholder.  Raises LayersError where there is none."""


def facts(root: str) -> Facts:
    """What git, the environment and the clock say; each is asked once."""
    known: dict[str, str] = {}

    def value(name: str) -> str:
        if name not in known:
            known[name] = _ask(root, name)
        return known[name]

    return value


def _ask(root: str, name: str) -> str:
    if name == "date":
        now = datetime.datetime.now(datetime.timezone.utc)
        return now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if name.startswith("env."):
        found = os.environ.get(name.removeprefix("env."))
        if found is None:
            raise LayersError(f"{name.removeprefix('env.')} is not set here")
        return found
    words = ("rev-parse", "HEAD") if name == "git.commit" else _DESCRIBE
    try:
        done = process.run(("git", "-C", root, *words), apart=True)
    except OSError as error:
        raise LayersError(f"git: {error.strerror}") from error
    if done.returncode != 0:
        raise LayersError(f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


_DESCRIBE = ("describe", "--tags", "--always", "--dirty")


@dataclass(frozen=True)
class Mark:
    """What is put on one image."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    file: str = ""
    """images.toml, as errors name it."""
    line: int | None = None
    """Where the first of them stands."""


def marks(run: Session, images: Iterable[Image], ask: Facts) -> dict[str, Mark]:
    """Labels and annotations of each image that has any, placeholders filled.

    Raises one LayersError, with lines of images.toml, of all placeholders without a value here.
    """
    found = {}
    faults: dict[str, None] = {}

    def arg(name: str, key: str, text: str) -> str:
        return _filled(run, run.project.spec.images[name], ("args", key), text, ask)

    spec = run.project.spec
    for image in images:
        told: dict[str, dict[str, str]] = {"labels": {}, "annotations": {}}
        for kind, each in (("labels", image.labels), ("annotations", image.annotations)):
            for name, text in each.items():
                try:
                    told[kind][name] = _filled(run, image, (kind, name), text, ask)
                except LayersError as error:
                    faults[str(error)] = None
        try:
            late = late_labels(run, image.name, arg)
        except LayersError as error:
            faults[str(error)] = None
            continue
        told["labels"] = {**late, **told["labels"]}
        if any(told.values()):
            first = next(kind for kind in ("annotations", "labels") if told[kind])
            line = spec.line(image.name, first, next(iter(told[first])))
            found[image.name] = Mark(told["labels"], told["annotations"], spec.path, line)
    if faults:
        raise LayersError("\n".join(faults))
    return found


def _filled(run: Session, image: Image, keys: tuple[str, str], text: str, ask: Facts) -> str:
    spec = run.project.spec
    try:
        return placeholders.filled(text, {name: ask(name) for name in placeholders.names(text)})
    except LayersError as error:
        message = f"{image.name}: {'.'.join(keys)}: {error.message}"
        raise LayersError(message, file=spec.path, line=spec.line(image.name, *keys)) from error


def marked(
    registry: Registry, images: Sequence[Published], mark: Mapping[str, Mark]
) -> list[Published]:
    """What moving tags are to point at: the images, those with a mark in their second form."""
    return [
        stamp(registry, each, mark[each.layer.image]) if each.layer.image in mark else each
        for each in images
    ]


def stamp(registry: Registry, image: Published, mark: Mark) -> Published:
    """Put the image's manifest with a mark into the registry; what a moving tag is to point at.

    A Docker manifest becomes an OCI one where it is to have annotations: its own format has
    none.  Raises LayersError for an index and for what the registry refuses, and RegistryError.
    """
    found = registry.manifest(image.repository, image.digest.text)
    if found is None:
        raise RegistryError(f"{image.repository} lost {image.digest} meanwhile", hint="run again")
    manifest = dict(found.content)
    if "config" not in manifest:
        raise LayersError(
            f"{image.layer}: {image.digest} is an index, which has no labels",
            hint="take labels and annotations out, or build it without attestations",
        )
    if mark.labels:
        raw = registry.blob(image.repository, Digest.parse(manifest["config"]["digest"]))
        config = json.loads(raw)
        own = config.get("config") or {}
        config["config"] = {**own, "Labels": {**(own.get("Labels") or {}), **mark.labels}}
        content = _bytes(config)
        registry.put_blob(image.repository, content)
        manifest["config"] = descriptor(manifest["config"]["mediaType"], content)
    kind = found.media_type
    if mark.annotations:
        manifest["annotations"] = {**(manifest.get("annotations") or {}), **mark.annotations}
        if kind.startswith("application/vnd.docker."):
            kind = manifest["mediaType"] = MANIFEST_TYPE
            manifest["config"] = oci(manifest["config"])
            manifest["layers"] = [oci(each) for each in manifest["layers"]]
    raw = _bytes(manifest)
    digest = digest_of(raw)
    try:
        registry.put_manifest(image.repository, digest.text, raw, kind)
    except RegistryRejected as error:
        raise LayersError(
            f"{image.layer}: the registry refuses its labels or annotations: {error.message}",
            file=mark.file,
            line=mark.line,
            hint="no tag was moved",
        ) from error
    return replace(image, digest=digest)


def _bytes(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
