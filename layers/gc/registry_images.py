"""What of ours is in the registry: images by key, what is attached to them, copies of upstreams."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from layers.gc.item import Found, kind, subject
from layers.oci.digest import BadDigest, Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER
from layers.registry.registry import Manifest, Registry, RegistryError

_THREADS = 8
UNTAGGED = "it has no tag, but something is attached to it"


@dataclass(frozen=True)
class Looker:
    """Reads repositories; ``first_seen`` answers since when a claim is known by our clock."""

    registry: Registry
    first_seen: Callable[[str, Digest], float]
    """Asked with ``repository:tag`` and the claim; gives Unix seconds."""

    def look(self, repository: str, image: str, mirror: bool) -> tuple[Found, ...]:
        """Everything that has a tag in ``repository``, and what belongs to it.

        Raises RegistryError when anything of it cannot be read: then nobody knows what is shared.
        """
        tags = self.registry.tags(repository)
        heads = self.registry.heads([(repository, tag) for tag in tags])
        tagged: dict[Digest, list[str]] = defaultdict(list)
        for (_, tag), digest in heads.items():
            tagged[digest].append(tag)
        with ThreadPoolExecutor(_THREADS) as pool:
            read = pool.map(
                lambda one: self._read(repository, image, mirror, one, tuple(tagged[one])),
                sorted(tagged),
            )
            found = [each for each in read if each is not None]
        known = {digest for each in found for digest in (each.digest, *each.below)}
        spoken = {one for each in found for one in each.subjects} - known
        return (*found, *self._untagged(repository, image, sorted(spoken)))

    def _untagged(self, repository: str, image: str, digests: Iterable[Digest]) -> Iterable[Found]:
        """What attachments speak of and no tag shows: it stays, for all that we know of it."""
        for digest in digests:
            each = self._read(repository, image, False, digest, ())
            if each is not None:
                yield replace(each, doubt=UNTAGGED)

    def _read(
        self, repository: str, image: str, mirror: bool, digest: Digest, tags: tuple[str, ...]
    ) -> Found | None:
        top = self.registry.manifest(repository, digest.text)
        if top is None:  # it went meanwhile
            return None
        parts = _parts(top)
        below: list[Digest] = []
        inside: list[Manifest] = []
        for entry in top.content.get("manifests") or ():
            self._descend(repository, entry, parts, below, inside)
        bare = not any(kind(tag) in ("claim", "attachment") for tag in tags)
        if bare:
            for entry in self.registry.referrers(repository, digest) or ():
                self._descend(repository, entry, parts, below, inside)
        config = self._config(repository, [top, *inside]) if bare else {}
        labels = (config.get("config") or {}).get("Labels") or {}
        claim = next((tag for tag in tags if kind(tag) == "claim"), "")
        return Found(
            "registry",
            repository,
            digest,
            tags,
            layer=labels.get(LABEL_LAYER) or image,
            key=labels.get(LABEL_KEY, ""),
            platform=f"{config.get('os', '')}/{config.get('architecture', '')}",
            created=(
                self.first_seen(f"{repository}:{claim}", digest)
                if claim
                else moment(config.get("created"))
            ),
            parts=parts,
            below=tuple(dict.fromkeys(below)),
            mirror=mirror and all(subject(tag) is None for tag in tags),
        )

    def _descend(
        self,
        repository: str,
        entry: Mapping[str, Any],
        parts: dict[str, int],
        below: list[Digest],
        inside: list[Manifest],
    ) -> None:
        try:
            digest = Digest.parse(str(entry.get("digest")))
        except BadDigest:
            return
        if digest in below:
            return
        under = self.registry.manifest(repository, digest.text)
        if under is None:  # another platform's, that was never copied here
            return
        below.append(digest)
        inside.append(under)
        parts.update(_parts(under))
        for deeper in under.content.get("manifests") or ():
            self._descend(repository, deeper, parts, below, inside)

    def _config(self, repository: str, manifests: Iterable[Manifest]) -> Mapping[str, Any]:
        """The configuration of the first image among them; empty: there is none."""
        for manifest in manifests:
            entry = manifest.content.get("config") or {}
            if str(entry.get("mediaType", "")).endswith(("image.config.v1+json", "image.v1+json")):
                found = self._document(repository, manifest, str(entry.get("digest")))
                if found.get("os", "unknown") != "unknown":  # else it is an attestation
                    return found
        return {}

    def _document(self, repository: str, manifest: Manifest, digest: str) -> Mapping[str, Any]:
        """A blob of JSON; empty where the registry lost it, so that the image is of no use."""
        try:
            found = json.loads(self.registry.blob(repository, Digest.parse(digest)))
        except RegistryError:
            if all(str(one) != digest for one in self.registry.missing(repository, manifest)):
                raise
            return {}
        except (ValueError, BadDigest):
            return {}
        return found if isinstance(found, dict) else {}


def _parts(manifest: Manifest) -> dict[str, int]:
    """The manifest itself and the blobs that it names, in bytes."""
    entries = [manifest.content.get("config") or {}, *(manifest.content.get("layers") or ())]
    found = {
        str(entry["digest"]): int(entry.get("size") or 0)
        for entry in entries
        if "digest" in entry and not entry.get("urls")
    }
    return {**found, manifest.digest.text: manifest.size}


def moment(text: Any) -> float:
    """RFC 3339 as Unix seconds, fractions of any length cut off; 0 for anything else."""
    whole, _, rest = str(text).partition(".")
    zone = rest.lstrip("0123456789") if rest else ""
    try:
        return datetime.fromisoformat((whole + zone).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return 0.0
