"""What an engine answers when it is asked for one image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layers.engine.engine import EngineError, LocalImage
from layers.oci.digest import BadDigest, Digest
from layers.oci.reference import Reference


def image(inspected: Mapping[str, Any], name: str) -> LocalImage:
    """What it tells, asked for by ``name``.  Raises EngineError for an answer that cannot be."""
    config = inspected.get("Config") or {}
    identity = _id(inspected, name)
    return LocalImage(
        id=identity,
        digest=_digest(inspected, name, identity),
        # Docker 28 lists ``repository@sha256:…`` here, too.
        names=tuple(
            tag for tag in inspected.get("RepoTags") or () if "<none>" not in tag and "@" not in tag
        ),
        labels=dict(config.get("Labels") or {}),
        size=int(inspected.get("Size") or 0),
        created=str(inspected.get("Created") or ""),
        diff_ids=tuple((inspected.get("RootFS") or {}).get("Layers") or ()),
        config=config,
    )


def _id(inspected: Mapping[str, Any], name: str) -> Digest:
    try:
        return Digest.parse(str(inspected.get("Id")))
    except BadDigest as error:
        raise EngineError(f"the engine's answer for {name} has a bad Id: {error}") from error


def _digest(inspected: Mapping[str, Any], name: str, identity: Digest) -> Digest:
    asked = Reference.parse(name)
    known = [Reference.parse(text) for text in inspected.get("RepoDigests") or ()]
    if any(one.digest == identity.text for one in known):
        return identity
    if asked.digest and any(one.digest == asked.digest for one in known):
        return Digest.parse(asked.digest)
    known.sort(key=lambda one: (one.name != asked.name, one))
    return Digest.parse(known[0].digest) if known else identity


def hollow(inspected: Mapping[str, Any]) -> bool:
    """Whether the engine has an image without its configuration.

    Docker 28.5 with the containerd image store does not fetch it again while a container holds
    layers of an image that was removed by force, and answers as if all were well.
    """
    return inspected.get("Os") == "" and not (inspected.get("RootFS") or {}).get("Layers")


def in_part(inspected: Mapping[str, Any]) -> bool:
    """Whether blobs are not there, which then cannot be pushed or saved, by the engine's word.

    Of an index one image has to be there. Snapshotters that fetch while a container runs
    (github.com/containerd/stargz-snapshotter and its like) leave them out on purpose.
    """
    if (inspected.get("GraphDriver") or {}).get("Name") not in ("overlayfs", "native"):
        return False
    images = [one for one in inspected.get("Manifests") or () if one.get("Kind") == "image"]
    return bool(images) and not any(one.get("Available") for one in images)
