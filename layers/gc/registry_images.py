"""What of ours is in the registry: images by key, what is attached to them, copies of upstreams."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from layers.gc.item import Found, kind, recorded, subject
from layers.gc.ownership import FOREIGN, Owner, Owners, owner_of
from layers.oci.digest import BadDigest, Digest
from layers.plan.names import LABEL_KEY, LABEL_LAYER, LABEL_PROJECT
from layers.registry.layer_records import is_record
from layers.registry.registry import Manifest, Registry, RegistryError

_THREADS = 8
UNTAGGED = "it has no tag, but something is attached to it"


@dataclass(frozen=True)
class Looker:
    """Reads repositories; ``first_seen`` answers since when a claim is known by our clock."""

    registry: Registry
    project: str
    """Ours; an image that is labelled with another one stays."""
    first_seen: Callable[[str, Digest], float]
    """Asked with ``repository:tag`` and the claim; gives Unix seconds."""

    def look(self, repository: str, owners: Owners) -> tuple[Found, ...]:
        """Everything that has a tag in ``repository``, and what belongs to it.

        What is of none of the ``owners`` stays, and so does what it consists of.

        Raises RegistryError when anything of it cannot be read: then nobody knows what is shared.
        """
        tags = self.registry.tags(repository)
        heads = self.registry.heads([(repository, tag) for tag in tags])
        tagged: dict[Digest, list[str]] = defaultdict(list)
        for (_, tag), digest in heads.items():
            tagged[digest].append(tag)
        with ThreadPoolExecutor(_THREADS) as pool:
            read = pool.map(
                lambda one: self._read(repository, owners, one, tuple(tagged[one])),
                sorted(tagged),
            )
            found = [each for each in read if each is not None]
        known = {digest for each in found for digest in (each.digest, *each.below)}
        spoken = {one for each in found for one in each.subjects} - known
        untagged = self._untagged(repository, owners, sorted(spoken))
        return (*(_doubted(each, found, owners) for each in found), *untagged)

    def _untagged(
        self, repository: str, owners: Owners, digests: Iterable[Digest]
    ) -> Iterable[Found]:
        """What attachments speak of and no tag shows: it stays, for all that we know of it."""
        for digest in digests:
            each = self._read(repository, owners, digest, ())
            if each is not None:
                yield replace(each, doubt=UNTAGGED, mirror=False)

    def _read(
        self, repository: str, owners: Owners, digest: Digest, tags: tuple[str, ...]
    ) -> Found | None:
        prefix, owner = _owner(owners, tags)
        own = [tag.removeprefix(prefix) for tag in tags]
        top = self.registry.manifest(repository, digest.text)
        if top is None:  # it went meanwhile
            return None
        parts = _parts(top)
        below: list[Digest] = []
        inside: list[Manifest] = []
        for entry in top.content.get("manifests") or ():
            self._descend(repository, entry, parts, below, inside)
        record = next(filter(None, map(recorded, own)), None) if is_record(top) else None
        others = any(kind(tag) in ("claim", "attachment") for tag in own)
        bare = owner is not None and not others and record is None
        if bare:
            for entry in self.registry.referrers(repository, digest) or ():
                self._descend(repository, entry, parts, below, inside)
        config = self._config(repository, [top, *inside]) if bare else {}
        labels = (config.get("config") or {}).get("Labels") or {}
        claim = next((tag for tag in tags if kind(tag.removeprefix(prefix)) == "claim"), "")
        return Found(
            "registry",
            repository,
            digest,
            tags,
            layer=labels.get(LABEL_LAYER) or (owner.image if owner else ""),
            key=labels.get(LABEL_KEY, ""),
            platform=f"{config.get('os', '')}/{config.get('architecture', '')}",
            created=(
                self.first_seen(f"{repository}:{claim}", digest)
                if claim
                else moment(config.get("created"))
            ),
            parts=parts,
            below=tuple(dict.fromkeys(below)),
            prefix=prefix,
            mirror=owner is not None
            and owner.mirror
            and record is None
            and all(subject(tag) is None for tag in tags),
            record=record,
            doubt=self._doubt(labels, owner, own),
        )

    def _doubt(self, labels: Mapping[str, str], owner: Owner | None, own: Iterable[str]) -> str:
        if owner is None:
            return "" if any(kind(tag) == "attachment" for tag in own) else FOREIGN
        theirs = not owner.mirror and labels.get(LABEL_PROJECT, self.project) != self.project
        return FOREIGN if theirs else ""

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


def _owner(owners: Owners, tags: Iterable[str]) -> tuple[str, Owner | None]:
    """Whose something is by its tags, and what those begin with; attachments have no such thing."""
    if "" in owners:
        return "", owners[""]
    named = (owner_of(owners, tag) for tag in tags if subject(tag) is None)
    return next((found for found in named if found), ("", None))


def _doubted(each: Found, found: Iterable[Found], owners: Owners) -> Found:
    """In a repository that others may use, what belongs to nothing of ours is theirs."""
    if "" in owners or not each.subjects or each.doubt:
        return each
    ours = (one for one in found if not one.doubt and not one.subjects)
    if any(each.subjects & {one.digest, *one.below} for one in ours):
        return each
    return replace(each, doubt=FOREIGN)


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
