"""A registry in memory: a real implementation of the Protocol, without a process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.registry import (
    Manifest,
    Progress,
    RegistryDown,
    RegistryError,
    RegistryRefused,
)
from tests.ocidocs import digest_of, named_by


@dataclass
class _Repository:
    tags: dict[str, Digest] = field(default_factory=dict)
    content: dict[Digest, bytes] = field(default_factory=dict)
    types: dict[Digest, str] = field(default_factory=dict)


class MemoryRegistry:
    """A registry for ``host``, and for ``others`` as far as one client speaks to them all.

    As with the real one, the last push of a tag wins. ``down`` makes it not answer; ``trouble``
    makes it answer with errors; ``read_only`` makes it refuse writes; ``deletes`` and
    ``knows_referrers``, when off, imitate registries that lack them. ``pushed`` lists every
    (repository, tag, digest) that was put, in order; ``asked`` every (verb, repository, what);
    ``sent`` every (repository, blob) whose bytes came, neither there already nor mounted.
    """

    def __init__(self, host: str = "127.0.0.1:5000", *others: str) -> None:
        self.host = host
        self.hosts = {host, *others}
        self.down = False
        self.trouble = ""
        self.read_only = False
        self.deletes = True
        self.knows_referrers = True
        self.pushed: list[tuple[str, str, Digest]] = []
        self.asked: list[tuple[str, str, str]] = []
        self.sent: list[tuple[str, Digest]] = []
        self._repositories: dict[str, _Repository] = {}

    def heads(self, references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Digest]:
        """See `layers.registry.registry.Registry.heads`."""
        found = {}
        for repository, tag in dict.fromkeys(references):
            self.asked.append(("head", repository, tag))
            if digest := self._lookup(repository, tag):
                found[repository, tag] = digest
        return found

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """See `layers.registry.registry.Registry.manifest`."""
        self.asked.append(("manifest", repository, reference))
        digest = self._lookup(repository, reference)
        if digest is None:
            return None
        there = self._repositories[repository]
        raw = there.content[digest]
        return Manifest(digest, there.types[digest], json.loads(raw), len(raw), raw)

    def blob(self, repository: str, digest: Digest) -> bytes:
        """See `layers.registry.registry.Registry.blob`."""
        self.asked.append(("blob", repository, digest.text))
        there = self._there(repository)
        if digest not in there.content:
            raise RegistryError(f"GET {repository} {digest}: 404 (BLOB_UNKNOWN)")
        return there.content[digest]

    def missing(self, repository: str, manifest: Manifest) -> tuple[Digest, ...]:
        """See `layers.registry.registry.Registry.missing`."""
        self.asked.append(("missing", repository, manifest.digest.text))
        there = self._there(repository)
        found: list[Digest] = []
        if "manifests" in manifest.content:
            for digest in named_by(manifest.content):
                if digest in there.types:
                    raw = there.content[digest]
                    under = Manifest(digest, there.types[digest], json.loads(raw), len(raw), raw)
                    found += self.missing(repository, under)
                else:
                    found.append(digest)
        else:
            found = [one for one in _blobs(manifest.content) if one not in there.content]
        return tuple(dict.fromkeys(found))

    def tags(self, repository: str) -> tuple[str, ...]:
        """See `layers.registry.registry.Registry.tags`."""
        self.asked.append(("tags", repository, ""))
        return tuple(sorted(self._there(repository).tags))

    def put_blob(self, repository: str, content: bytes) -> Digest:
        """See `layers.registry.registry.Registry.put_blob`."""
        self._may_write("POST", repository)
        digest = digest_of(content)
        there = self._repositories.setdefault(repository, _Repository())
        if digest not in there.content:
            there.content[digest] = content
            self.sent.append((repository, digest))
        return digest

    def parts(self, repository: str, digest: Digest, size: int) -> Iterator[bytes]:
        """See `layers.registry.registry.Registry.parts`."""
        content = self.blob(repository, digest)
        if len(content) != size:
            raise RegistryError(f"{repository}: blob {digest}: {len(content)} bytes came")
        return iter((content,))

    def upload(
        self, repository: str, digest: Digest, size: int, parts: Callable[[], Iterator[bytes]]
    ) -> None:
        """See `layers.registry.registry.Registry.upload`."""
        content = b"".join(parts())
        if (digest_of(content), len(content)) != (digest, size):
            raise RegistryError(f"PUT {repository} {digest}: 400 (DIGEST_INVALID)")
        self.put_blob(repository, content)

    def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> Digest:
        """See `layers.registry.registry.Registry.put_manifest`; a subject need not be there."""
        self._may_write("PUT", repository)
        digest = digest_of(content)
        if ":" in reference and reference != digest.text:
            raise RegistryError(f"PUT {repository}@{reference}: 400 (DIGEST_INVALID)")
        there = self._repositories.setdefault(repository, _Repository())
        document = json.loads(content)
        for named in named_by(document) if "manifests" in document else _blobs(document):
            if named not in there.content:
                raise RegistryError(
                    f"PUT {repository}:{reference}: 400 (MANIFEST_BLOB_UNKNOWN: {named})"
                )
        there.content[digest], there.types[digest] = content, media_type
        if ":" not in reference:
            there.tags[reference] = digest
            self.pushed.append((repository, reference, digest))
        return digest

    def copy(self, source: str, digest: Digest, target: str, progress: Progress) -> None:
        """See `layers.registry.registry.Registry.copy`."""
        top = self.manifest(source, digest.text)
        if top is None:
            raise RegistryError(f"{source}@{digest}: not there")
        self._may_write("POST", target)
        manifests = self._manifests(source, top)
        there = self._repositories.setdefault(target, _Repository())
        named = [one for manifest in manifests for one in _blobs(manifest.content)]
        wanted = {one: self.blob(source, one) for one in named if one not in there.content}
        total, done = sum(map(len, wanted.values())), 0
        progress(0, total)
        mounts = Reference.parse(source).registry == Reference.parse(target).registry
        for one, content in wanted.items():
            if not mounts:
                self.sent.append((target, one))
            there.content[one] = content
            progress(done := done + len(content), total)
        for manifest in manifests:
            self.put_manifest(target, manifest.digest.text, manifest.raw, manifest.media_type)
        progress(total, total)

    def delete(self, repository: str, digest: Digest) -> bool:
        """See `layers.registry.registry.Registry.delete`."""
        self.asked.append(("delete", repository, digest.text))
        there = self._there(repository)
        if not self.deletes:
            return False
        self._may_write("DELETE", repository)
        if digest in there.types:
            del there.types[digest], there.content[digest]
            for tag in [tag for tag, other in there.tags.items() if other == digest]:
                del there.tags[tag]
        return True

    def referrers(self, repository: str, digest: Digest) -> Sequence[Mapping[str, Any]] | None:
        """See `layers.registry.registry.Registry.referrers`."""
        self.asked.append(("referrers", repository, digest.text))
        there = self._there(repository)
        if not self.knows_referrers:
            return None
        found = []
        for one, media_type in there.types.items():
            document = json.loads(there.content[one])
            if (document.get("subject") or {}).get("digest") == digest.text:
                found.append(_descriptor(one, media_type, len(there.content[one]), document))
        return found

    def holds(self, repository: str, digest: Digest) -> bool:
        """Whether that content is there."""
        return digest in self._repositories.get(repository, _Repository()).content

    def delete_tag(self, repository: str, tag: str) -> None:
        """Forget a tag, as somebody's clean-up would."""
        self._repositories[repository].tags.pop(tag, None)

    def lose(self, repository: str, digest: Digest) -> None:
        """Forget a blob that manifests still name, as a bad garbage collection would."""
        self._repositories[repository].content.pop(digest)
        self._repositories[repository].types.pop(digest, None)

    def _manifests(self, source: str, top: Manifest) -> list[Manifest]:
        """What an index names, before the index itself."""
        found = []
        for digest in named_by(top.content) if "manifests" in top.content else ():
            under = self.manifest(source, digest.text)
            if under is None:
                raise RegistryError(f"{source}@{digest}: not there, but {top.digest} lists it")
            found += self._manifests(source, under)
        return [*found, top]

    def _lookup(self, repository: str, reference: str) -> Digest | None:
        there = self._there(repository)
        if ":" not in reference:
            return there.tags.get(reference)
        digest = Digest.parse(reference)
        return digest if digest in there.types else None

    def _there(self, repository: str) -> _Repository:
        self._answer(repository)
        return self._repositories.get(repository, _Repository())

    def _may_write(self, method: str, repository: str) -> None:
        self._answer(repository)
        if self.read_only:
            raise RegistryRefused(f"{method} {repository}: 403 (DENIED)")

    def _answer(self, repository: str) -> None:
        host = Reference.parse(repository).registry
        if self.down or host not in self.hosts:
            raise RegistryDown(f"{host}: no registry answers")
        if self.trouble:
            raise RegistryError(f"GET {repository}: {self.trouble}")


def _blobs(document: Mapping[str, Any]) -> list[Digest]:
    """Config and filesystem layers, those that live elsewhere left out."""
    config = [document["config"]] if "config" in document else []
    entries = [*config, *(one for one in document.get("layers", ()) if not one.get("urls"))]
    return [Digest.parse(entry["digest"]) for entry in entries]


def _descriptor(
    digest: Digest, media_type: str, size: int, document: Mapping[str, Any]
) -> Mapping[str, Any]:
    """As the OCI distribution-spec has it, "Listing Referrers"."""
    found: dict[str, Any] = {"mediaType": media_type, "digest": digest.text, "size": size}
    if artifact := document.get("artifactType") or document.get("config", {}).get("mediaType"):
        found["artifactType"] = artifact
    if "annotations" in document:
        found["annotations"] = document["annotations"]
    return found
