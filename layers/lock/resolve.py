"""What an upstream's tag means on one platform: from index to manifest to config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from hashes.dockerfile.arguments import normal_platform
from layers.oci.digest import BadDigest, Digest
from layers.registry.registry import Manifest, Registry, RegistryError


class NotOffered(RegistryError):
    """The registry answered: it does not have that tag, or not for that platform."""


class Resolved(NamedTuple):
    """What `resolve` found."""

    digest: Digest
    """Of what the tag points at: an index, or a manifest without one."""
    manifest: Digest
    """Of the platform's own manifest; equals ``digest`` when there is no index."""
    config: dict[str, Any]
    """The image's config as in the OCI image-spec: ``config.Env``, ``config.OnBuild``, ``os``…"""


def resolve(registry: Registry, repository: str, tag: str, platform: str) -> Resolved:
    """Follow ``repository:tag`` (or a digest as ``tag``) down to the config for ``platform``.

    ``platform`` is ``os/architecture[/variant]``. Raises RegistryError when the tag is not
    there, or has no such platform; the text then lists those on offer.
    """
    wanted = _platform(platform)
    name = f"{repository}{'@' if ':' in tag else ':'}{tag}"
    top = registry.manifest(repository, tag)
    if top is None:
        raise NotOffered(
            f"{name}: not there", hint="check the name and tag; a private one looks the same"
        )
    manifest = top
    if "manifests" in top.content:
        manifest = _under(registry, repository, _pick(top, name, platform), name)
    config = _config(registry, repository, manifest, name)
    offered = (
        str(config.get("os") or ""),
        str(config.get("architecture") or ""),
        str(config.get("variant") or ""),
    )
    if manifest is top and _normal(offered) != wanted:
        raise _not_offered(name, platform, [offered])
    return Resolved(top.digest, manifest.digest, config)


Parts = tuple[str, str, str]


def _platform(text: str) -> Parts:
    parts = text.split("/")
    if len(parts) not in (2, 3) or not all(parts):
        raise RegistryError(
            f"platform {text!r}: expected os/architecture[/variant], as in linux/arm64"
        )
    return _normal((parts[0], parts[1], parts[2] if len(parts) == 3 else ""))


def _normal(parts: Parts) -> Parts:
    return normal_platform(*(part.lower() for part in parts))


def _pick(index: Manifest, name: str, platform: str) -> Digest:
    offers: list[tuple[Parts, str]] = []
    for entry in index.content["manifests"]:
        where = entry.get("platform") or {}
        # BuildKit's attestations are entries for the platform unknown/unknown.
        if where.get("os") in (None, "unknown"):
            continue
        parts = (where["os"], where.get("architecture", ""), where.get("variant", ""))
        offers.append((parts, str(entry.get("digest"))))
    wanted = _platform(platform)
    for parts, digest in offers:
        if _normal(parts) == wanted:
            return _digest(digest, name)
    raise _not_offered(name, platform, [parts for parts, _ in offers])


def _under(registry: Registry, repository: str, digest: Digest, name: str) -> Manifest:
    manifest = registry.manifest(repository, digest.text)
    if manifest is None:
        raise RegistryError(
            f"{name}: its index lists {digest}, but the registry does not have that",
            hint="the registry lost content; push the image again",
        )
    return manifest


def _config(registry: Registry, repository: str, manifest: Manifest, name: str) -> dict[str, Any]:
    described = manifest.content.get("config")
    if not isinstance(described, Mapping):
        raise RegistryError(f"{name}: {manifest.digest} is not an image: it has no config")
    try:
        config = json.loads(registry.blob(repository, _digest(str(described.get("digest")), name)))
    except ValueError:
        config = None
    if not isinstance(config, dict):
        raise RegistryError(f"{name}: the config of {manifest.digest} is not a JSON object")
    return config


def _digest(text: str, name: str) -> Digest:
    try:
        return Digest.parse(text)
    except BadDigest as error:
        raise RegistryError(f"{name}: {error.message}") from error


def _not_offered(name: str, platform: str, offers: list[Parts]) -> NotOffered:
    listed = ", ".join(sorted({"/".join(part for part in parts if part) for parts in offers}))
    return NotOffered(
        f"{name} has nothing for {platform}", hint=f"it is there for: {listed or 'no platform'}"
    )
