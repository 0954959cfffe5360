"""Copying images from one repository to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event, Lock
from typing import Any

from layers.oci.digest import BadDigest, Digest
from layers.oci.reference import Reference
from layers.registry.blobs import Blobs, Body
from layers.registry.registry import Manifest, Progress, Registry, RegistryError
from layers.runtime.threads import each

_STREAMS = 3
_DEEPEST = 4
_ASKED_AT_ONCE = 8


@dataclass(frozen=True)
class Part:
    """A blob as a manifest describes it; ``size`` in bytes."""

    digest: Digest
    size: int


def parts(content: Mapping[str, Any], what: str) -> list[Part]:
    """Config and filesystem layers of a manifest, without layers that live elsewhere (``urls``).

    Raises RegistryError for what is no manifest (image-spec, manifest.md).
    """
    layers = content.get("layers") or []
    config = [content["config"]] if content.get("config") else []
    try:
        entries = [*config, *(one for one in layers if not one.get("urls"))]
        found = [Part(Digest.parse(one["digest"]), int(one["size"])) for one in entries]
    except (BadDigest, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegistryError(f"{what} is not a manifest that we can read: {error!r}") from error
    return list(dict.fromkeys(found))


def children(content: Mapping[str, Any], what: str) -> list[Digest] | None:
    """The manifests of an index, in its order; None for what is no index."""
    if "manifests" not in content:
        return None
    try:
        return [Digest.parse(one["digest"]) for one in content["manifests"] or []]
    except (BadDigest, KeyError, TypeError) as error:
        raise RegistryError(f"{what} is not an index that we can read: {error!r}") from error


def family(registry: Registry, repository: str, top: Manifest, deep: int = 0) -> list[Manifest]:
    """A manifest with all that it lists, each after what it lists itself.

    Raises RegistryError when the registry lacks one of them.
    """
    what = f"{repository}@{top.digest}"
    if deep > _DEEPEST:
        raise RegistryError(f"{what}: indexes in indexes, more than {_DEEPEST} deep")
    found: list[Manifest] = []
    for digest in children(top.content, what) or ():
        under = registry.manifest(repository, digest.text)
        if under is None:
            raise RegistryError(
                f"{what} lists {digest}, but the registry does not have that",
                hint="the registry lost content; push the image again",
            )
        found += family(registry, repository, under, deep + 1)
    return list({one.digest: one for one in [*found, top]}.values())


def absent(registry: Registry, blobs: Blobs, repository: str, manifest: Manifest) -> list[Digest]:
    """See `Registry.missing`."""
    what = f"{repository}@{manifest.digest}"
    listed = children(manifest.content, what)
    if listed is not None:
        found: list[Digest] = []
        for digest in listed:
            under = registry.manifest(repository, digest.text)
            found += [digest] if under is None else absent(registry, blobs, repository, under)
        return list(dict.fromkeys(found))
    name = Reference.parse(repository)
    wanted = list(dict.fromkeys(part.digest for part in parts(manifest.content, what)))
    there = each(lambda digest: blobs.there(name, digest), wanted, _ASKED_AT_ONCE)
    return [digest for digest, held in zip(wanted, there, strict=True) if not held]


class Copier:
    """Carries manifests and blobs from ``source`` to ``target``, both ``host[:port]/path``."""

    def __init__(
        self, registry: Registry, blobs: Blobs, source: str, target: str, progress: Progress
    ) -> None:
        self._registry = registry
        self._blobs = blobs
        self._source, self._target = Reference.parse(source), Reference.parse(target)
        self._progress = progress
        self._stop = Event()
        self._lock = Lock()
        self._done: dict[Digest, int] = {}
        self._total = 0

    def run(self, digest: Digest) -> None:
        """See `Registry.copy`; progress counts the bytes of blobs that the target lacks."""
        source, target = self._source.name, self._target.name
        top = self._registry.manifest(source, digest.text)
        if top is None:
            raise RegistryError(
                f"{source}@{digest}: not there",
                hint="check the name; a private one looks the same without a login",
            )
        manifests = family(self._registry, source, top)
        found = [part for one in manifests for part in parts(one.content, f"{source}@{one.digest}")]
        named = list({part.digest: part for part in found}.values())
        held = each(
            lambda part: self._blobs.there(self._target, part.digest), named, _ASKED_AT_ONCE
        )
        wanted = [part for part, there in zip(named, held, strict=True) if not there]
        self._total = sum(part.size for part in wanted)
        self._progress(0, self._total)
        # The largest first: at the end no stream is alone with it.
        wanted.sort(key=lambda part: -part.size)
        each(self._carry, wanted, _STREAMS, self._stop.set)
        for one in manifests:
            if self._registry.manifest(target, one.digest.text) is None:
                self._registry.put_manifest(target, one.digest.text, one.raw, one.media_type)
        self._progress(self._total, self._total)

    def _carry(self, part: Part) -> None:
        same = self._source.registry == self._target.registry
        self._blobs.put(
            self._target, part.digest, self._opener(part), self._source if same else None
        )
        self._tell(part, part.size)

    def _opener(self, part: Part) -> Callable[[], Body | bytes]:
        def told() -> Any:
            sent = 0
            for chunk in self._blobs.read(self._source, part.digest, part.size, self._stop):
                yield chunk
                sent += len(chunk)
                self._tell(part, sent)

        return lambda: Body(told(), part.size) if part.size else b"".join(told())

    def _tell(self, part: Part, sent: int) -> None:
        """A blob that is sent again does not count back."""
        with self._lock:
            before = self._done.get(part.digest, 0)
            if sent > before:
                self._done[part.digest] = sent
                self._progress(sum(self._done.values()), self._total)
