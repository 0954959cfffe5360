"""An engine and a registry in memory: real implementations of the Protocols, without processes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from layers.digest import Digest
from layers.engine import EngineDown, EngineError, LocalImage, Progress
from layers.enginefaults import MissingContent, UnknownReference
from layers.reference import Reference
from layers.registry import Manifest, RegistryDown, RegistryError
from tests.ocidocs import digest_of, index_of, manifest_of, named_by


@dataclass
class _Repository:
    tags: dict[str, Digest] = field(default_factory=dict)
    content: dict[Digest, bytes] = field(default_factory=dict)
    types: dict[Digest, str] = field(default_factory=dict)


class MemoryRegistry:
    """A registry for ``host``; as with the real one, the last push of a tag wins.

    ``down`` makes it not answer; ``trouble`` makes it answer with errors; ``pushed`` lists every
    (repository, tag, digest) that was put, in order; ``asked`` every (verb, repository, what).
    """

    def __init__(self, host: str = "127.0.0.1:5000") -> None:
        self.host = host
        self.down = False
        self.trouble = ""
        self.pushed: list[tuple[str, str, Digest]] = []
        self.asked: list[tuple[str, str, str]] = []
        self._repositories: dict[str, _Repository] = {}

    def heads(self, references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Digest]:
        """See `layers.registry.Registry.heads`."""
        found = {}
        for repository, tag in dict.fromkeys(references):
            self.asked.append(("head", repository, tag))
            if digest := self._lookup(repository, tag):
                found[repository, tag] = digest
        return found

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """See `layers.registry.Registry.manifest`."""
        self.asked.append(("manifest", repository, reference))
        digest = self._lookup(repository, reference)
        if digest is None:
            return None
        there = self._repositories[repository]
        raw = there.content[digest]
        return Manifest(digest, there.types[digest], json.loads(raw), len(raw))

    def blob(self, repository: str, digest: Digest) -> bytes:
        """See `layers.registry.Registry.blob`."""
        self.asked.append(("blob", repository, digest.text))
        self._answer(repository)
        there = self._repositories.get(repository, _Repository())
        if digest not in there.content:
            raise RegistryError(f"GET {repository} {digest}: 404 (BLOB_UNKNOWN)")
        return there.content[digest]

    def put_blob(self, repository: str, content: bytes) -> Digest:
        """Take a blob, as an upload would."""
        self._answer(repository)
        digest = digest_of(content)
        self._repositories.setdefault(repository, _Repository()).content[digest] = content
        return digest

    def put_manifest(self, repository: str, tag: str, content: bytes, media_type: str) -> Digest:
        """Take a manifest; all that it names must be there. ``tag`` may be empty."""
        digest = digest_of(content)
        self._answer(repository)
        there = self._repositories.setdefault(repository, _Repository())
        for named in named_by(json.loads(content)):
            if named not in there.content:
                raise RegistryError(f"PUT {repository}:{tag}: 404 (MANIFEST_BLOB_UNKNOWN {named})")
        there.content[digest], there.types[digest] = content, media_type
        if tag:
            there.tags[tag] = digest
            self.pushed.append((repository, tag, digest))
        return digest

    def holds(self, repository: str, digest: Digest) -> bool:
        """Whether that content is there."""
        return digest in self._repositories.get(repository, _Repository()).content

    def delete_tag(self, repository: str, tag: str) -> None:
        """Forget a tag, as somebody's clean-up would."""
        self._repositories[repository].tags.pop(tag, None)

    def _lookup(self, repository: str, reference: str) -> Digest | None:
        self._answer(repository)
        there = self._repositories.get(repository, _Repository())
        if ":" not in reference:
            return there.tags.get(reference)
        digest = Digest.parse(reference)
        return digest if digest in there.types else None

    def _answer(self, repository: str) -> None:
        host = Reference.parse(repository).registry
        if self.down or host != self.host:
            raise RegistryDown(f"{host}: no registry answers")
        if self.trouble:
            raise RegistryError(f"GET {repository}: {self.trouble}")


class MemoryEngine:
    """An engine that can push to and pull from one `MemoryRegistry`.

    Like the containerd image store, it pulls of an index one platform alone, without
    attestations, and then cannot push the index. ``down`` makes it not answer; ``full`` makes
    its disk full; ``asked`` lists every (verb, name), in order.
    """

    def __init__(self, registry: MemoryRegistry, platform: str = "linux/amd64") -> None:
        self.registry = registry
        self.down = False
        self.full = False
        self.asked: list[tuple[str, str]] = []
        self._platform = tuple(platform.split("/"))
        self._names: dict[str, Digest] = {}
        self._content: dict[Digest, bytes] = {}

    def find(self, names: Sequence[str]) -> dict[str, LocalImage]:
        """See `layers.engine.Engine.find`."""
        found = {}
        for name in dict.fromkeys(names):
            self._answer("find", name)
            if digest := self._lookup(name):
                found[name] = self._image(digest)
        return found

    def tag(self, source: str, target: str) -> None:
        """See `layers.engine.Engine.tag`."""
        self._answer("tag", target)
        self._names[_tagged(target)] = self._existing(source)

    def untag(self, name: str) -> None:
        """See `layers.engine.Engine.untag`."""
        self._answer("untag", name)
        digest = self._names.pop(str(Reference.parse(name)), None)
        if digest and not self._image(digest).names:
            self._names = {one: other for one, other in self._names.items() if other != digest}

    def pull(self, reference: str, progress: Progress) -> LocalImage:
        """See `layers.engine.Engine.pull`."""
        self._answer("pull", reference)
        name = Reference.parse(reference)
        if not name.digest:
            raise EngineError(f"cannot pull {reference!r}: expected repository@sha256:…")
        self._room()
        try:
            top = self.registry.manifest(name.name, name.digest)
            if top is None:
                raise UnknownReference(f"cannot pull {reference}: not found")
            fetched = [top.digest]
            manifest = top
            if "manifests" in top.content:
                under = self.registry.manifest(name.name, self._pick(top.content))
                assert under is not None
                manifest = under
                fetched.append(under.digest)
            fetched += named_by(manifest.content)
            contents = {digest: self._fetch(name.name, digest) for digest in fetched}
        except RegistryError as error:
            raise EngineError(f"cannot pull {reference}: {error}") from error
        self._content.update(contents)
        self._names[f"{name.name}@{top.digest}"] = top.digest
        _tell(progress, contents.values())
        return self._image(top.digest)

    def keeps_manifests(self) -> bool:
        """True: what is here is named by its manifest."""
        return True

    def push(self, name: str, progress: Progress) -> Digest:
        """See `layers.engine.Engine.push`."""
        self._answer("push", name)
        full = Reference.parse(_tagged(name))
        digest = self._existing(name)
        sent: list[bytes] = []
        try:
            self._send(full.name, full.tag, digest, sent)
        except RegistryError as error:
            raise EngineError(f"cannot push {name}: {error}") from error
        _tell(progress, sent)
        return digest

    def build(
        self, name: str, content: str, labels: Mapping[str, str], attested: bool = False
    ) -> LocalImage:
        """Make an image with one filesystem layer, as `docker buildx build --load` would.

        ``attested`` makes it an index with an attestation, as ``--provenance=true`` does.
        """
        self._answer("build", name)
        self._room()
        layer = self._keep(content.encode())
        system, architecture = self._platform[:2]
        config = self._keep_json(
            {
                "os": system,
                "architecture": architecture,
                "config": {"Labels": dict(labels)},
                "rootfs": {"type": "layers", "diff_ids": [layer.text]},
            }
        )
        digest = self._keep_manifest(config, layer)
        if attested:
            statement = self._keep_json({"_type": "https://in-toto.io/Statement/v0.1"})
            proof = self._keep_manifest(self._keep_json({"config": {}}), statement)
            entries = [(digest, system, architecture), (proof, "unknown", "unknown")]
            digest = self._keep_json(index_of(entries))
        self._names[_tagged(name)] = digest
        return self._image(digest)

    def _keep(self, content: bytes) -> Digest:
        self._content[digest_of(content)] = content
        return digest_of(content)

    def _keep_json(self, document: Mapping[str, Any]) -> Digest:
        return self._keep(json.dumps(document, sort_keys=True).encode())

    def _keep_manifest(self, config: Digest, layer: Digest) -> Digest:
        return self._keep_json(manifest_of(config, layer))

    def _fetch(self, repository: str, digest: Digest) -> bytes:
        return self.registry.blob(repository, digest)

    def _send(self, repository: str, tag: str, digest: Digest, sent: list[bytes]) -> None:
        raw = self._content[digest]
        document = json.loads(raw)
        for named in named_by(document):
            if "manifests" in document and named in self._content:
                self._send(repository, "", named, sent)
            elif named in self._content:
                self.registry.put_blob(repository, self._content[named])
                sent.append(self._content[named])
            else:
                raise MissingContent(f"cannot push {repository}: missing content: {named}")
        self.registry.put_manifest(repository, tag, raw, document["mediaType"])
        sent.append(raw)

    def _pick(self, index: Mapping[str, Any]) -> str:
        for entry in index["manifests"]:
            where = entry["platform"]
            if (where["os"], where["architecture"]) == self._platform[:2]:
                return str(entry["digest"])
        raise EngineError("no match for platform in manifest: not found")

    def _existing(self, name: str) -> Digest:
        digest = self._lookup(name)
        if digest is None:
            raise UnknownReference(f"No such image: {name}")
        return digest

    def _lookup(self, name: str) -> Digest | None:
        if name.startswith("sha256:"):  # an image's id
            digest = Digest.parse(name)
            return digest if digest in self._names.values() else None
        reference = Reference.parse(name)
        if not reference.digest:
            return self._names.get(str(reference))
        held = {
            digest
            for one, digest in self._names.items()
            if Reference.parse(one).name == reference.name
        }
        digest = Digest.parse(reference.digest)
        return digest if digest in held else None

    def _image(self, digest: Digest) -> LocalImage:
        document = json.loads(self._content[digest])
        if "manifests" in document:
            document = json.loads(self._content[Digest.parse(self._pick(document))])
        config = json.loads(self._content[Digest.parse(document["config"]["digest"])])
        layers = [Digest.parse(one["digest"]) for one in document["layers"]]
        return LocalImage(
            digest=digest,
            names=tuple(
                sorted(
                    Reference.parse(name).familiar()
                    for name, other in self._names.items()
                    if other == digest and "@" not in name
                )
            ),
            labels=config["config"]["Labels"],
            size=sum(len(self._content[layer]) for layer in layers),
            diff_ids=tuple(config["rootfs"]["diff_ids"]),
        )

    def _answer(self, verb: str, name: str) -> None:
        Reference.parse(name)
        if self.down:
            raise EngineDown("no Docker engine answers in memory")
        self.asked.append((verb, name))

    def _room(self) -> None:
        if self.full:
            raise EngineError("no space left on device", hint="the engine's disk is full")


def _tagged(name: str) -> str:
    reference = Reference.parse(name)
    if reference.digest:
        raise EngineError(f"{name!r}: expected repository:tag")
    return str(reference)


def _tell(progress: Progress, contents: Any) -> None:
    total = sum(len(content) for content in contents)
    progress(0, total)
    progress(total, total)
