"""Images for the engine at hand: it is given what was put together, and fetches nothing.

That takes an engine which has what they stand on as a registry sends it: with the containerd image
store, and where one of its images has these very filesystem layers.
"""

from __future__ import annotations

from collections.abc import Iterator

from layers.build.assemble.image import Ready
from layers.engine.engine import EngineDown, EngineError, LocalImage
from layers.oci import layout
from layers.oci.artifact import MANIFEST_TYPE, digest_of
from layers.oci.digest import Digest
from layers.plan.plan import Step
from layers.plan.session import Session
from layers.registry.registry import RegistryError
from layers.runtime.events import Output


def take_in(run: Session, step: Step, ready: Ready) -> LocalImage | None:
    """Have the engine take in an image; None: it lacks what that stands on.

    It has no name there yet.  Raises EngineDown, and Moved where a file is not what was hashed.
    """
    try:
        if not has(run, step, ready):
            return None
        archive = _archive(run, step, ready)
        return run.backends.engine.load(digest_of(ready.image.manifest), archive)
    except EngineDown:
        raise
    except EngineError as error:
        run.tell(Output(str(step.layer), f"the engine did not take it in: {error}"))
        return None


def has(run: Session, step: Step, ready: Ready) -> bool:
    """Whether the engine surely has the filesystem layers on which an image is put.

    Only one that keeps images as registries do has any by the digest of its manifest.
    """
    if ready.base is None:
        return run.backends.engine.about().keeps_manifests
    presence = run.planner.presence
    if ready.base.digest in presence.engine.values():
        return True
    current = presence.current.get(step.layer)
    return current is not None and set(ready.below) <= _layers(run, step, current)


def forget(run: Session, image: LocalImage) -> None:
    """Have the engine drop an image that has no name."""
    run.backends.engine.untag(str(image.id))


def _layers(run: Session, step: Step, image: Digest) -> set[str]:
    """The filesystem layers of an image that the engine has; none where nobody knows."""
    if step.names.remote is None:
        return set()
    try:
        found = run.project.bases.manifest(lambda: run.backends.registry, step.names.remote, image)
    except RegistryError:
        return set()
    layers = found.content.get("layers") or () if found is not None else ()
    return {str(each.get("digest")) for each in layers}


def _archive(run: Session, step: Step, ready: Ready) -> Iterator[bytes]:
    image = ready.image
    texts = (image.manifest, image.configuration)
    top = {
        "mediaType": MANIFEST_TYPE,
        "digest": digest_of(image.manifest).text,
        "size": len(image.manifest),
    }
    contents = [layout.of_bytes(digest_of(each), each) for each in texts]
    if step.push:  # what is sent beside it tells how far it is
        contents += [layout.Content(each.digest, each.size, each.parts) for each in image.layers]
    else:
        moving = ready.moving(run, step)
        contents += [layout.Content(each.digest, each.size, parts) for each, parts in moving]
    return layout.archive(top, contents)
