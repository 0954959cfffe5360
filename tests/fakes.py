"""An engine and a registry in memory: real implementations of the Protocols, without processes."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from layers.engine.engine import About, EngineDown, EngineError, LocalImage, Progress
from layers.engine.errors import MissingContent, UnknownReference
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.registry import RegistryError
from tests.fakes_registry import MemoryRegistry as MemoryRegistry
from tests.ocidocs import digest_of, index_of, manifest_of, named_by


class MemoryEngine:
    """An engine that can push to and pull from one `MemoryRegistry`.

    Like the containerd image store, it pulls of an index one platform alone, without
    attestations, and then cannot push the index. ``classic`` makes it one with the classic
    store, whose ids are not the registry's digests. ``down`` makes it not answer; ``full`` makes
    its disk full; ``asked`` lists every (verb, name), in order.
    """

    def __init__(
        self, registry: MemoryRegistry, platform: str = "linux/amd64", classic: bool = False
    ) -> None:
        self.registry = registry
        self._classic = classic
        self.down = False
        self.full = False
        self.release = "28.5.2"
        self.asked: list[tuple[str, str]] = []
        self._platform = tuple(platform.split("/"))
        self._names: dict[str, Digest] = {}
        self._content: dict[Digest, bytes] = {}

    def find(self, names: Sequence[str]) -> dict[str, LocalImage]:
        """See `layers.engine.engine.Engine.find`."""
        found = {}
        for name in dict.fromkeys(names):
            self._answer("find", name)
            if digest := self._lookup(name):
                found[name] = self._image(digest, name)
        return found

    def tag(self, source: str, target: str) -> None:
        """See `layers.engine.engine.Engine.tag`."""
        self._answer("tag", target)
        self._names[_tagged(target)] = self._existing(source)

    def untag(self, name: str) -> None:
        """See `layers.engine.engine.Engine.untag`."""
        self._answer("untag", name)
        if name.startswith("sha256:") and (known := self._lookup(name)) is not None:
            for one in self._same(known):
                del self._names[one]
            return
        digest = self._names.pop(str(Reference.parse(name)), None)
        if digest is None:
            return
        repository = Reference.parse(name).name
        tagged = [Reference.parse(one).name for one in self._same(digest) if "@" not in one]
        for one in self._same(digest):
            gone = self._classic and repository not in tagged and one.startswith(f"{repository}@")
            if gone or (not tagged and not self._classic):
                del self._names[one]

    def pull(self, reference: str, progress: Progress) -> LocalImage:
        """See `layers.engine.engine.Engine.pull`."""
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
        return self._image(top.digest, reference)

    def load(self, digest: Digest, archive: Iterable[bytes]) -> LocalImage:
        """See `layers.engine.engine.Engine.load`."""
        self._answer("load", str(digest))
        self._room()
        contents = dict(_blobs(b"".join(archive)))
        here = {**self._content, **contents}
        if digest not in contents:
            raise EngineError(f"cannot load {digest}: it is not in the archive")
        for named in named_by(json.loads(contents[digest])):
            if named not in here:
                raise MissingContent(f"cannot load {digest}: content digest {named}: not found")
        self._content.update(contents)
        self._names[f"docker.io/library/moby-dangling@{digest}"] = digest
        return self._image(digest, str(digest))

    def about(self) -> About:
        """See `layers.engine.engine.Engine.about`."""
        return About("Docker", "0 in memory", keeps_manifests=not self._classic)

    def version(self) -> dict[str, object]:
        """See `layers.engine.engine.Engine.version`."""
        if self.down:
            raise EngineDown("no Docker engine answers in memory")
        return {"Version": self.release, "ApiVersion": "1.51", "Os": "linux", "Arch": "amd64"}

    def push(self, name: str, progress: Progress) -> Digest:
        """See `layers.engine.engine.Engine.push`."""
        self._answer("push", name)
        full = Reference.parse(_tagged(name))
        digest = self._existing(name)
        sent: list[bytes] = []
        try:
            self._send(full.name, full.tag, digest, sent)
        except RegistryError as error:
            raise EngineError(f"cannot push {name}: {error}") from error
        _tell(progress, sent)
        if self._classic:
            self._names[f"{full.name}@{digest}"] = digest
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
        return self._image(digest, name)

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
        self.registry.put_manifest(repository, tag or digest.text, raw, document["mediaType"])
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
            known = {self._id(digest): digest for digest in self._names.values()}
            return known.get(Digest.parse(name))
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

    def _manifest(self, digest: Digest) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self._content[digest])
        if "manifests" in document:
            document = json.loads(self._content[Digest.parse(self._pick(document))])
        return document

    def _id(self, digest: Digest) -> Digest:
        return Digest.parse(self._manifest(digest)["config"]["digest"]) if self._classic else digest

    def _same(self, digest: Digest) -> list[str]:
        """All names of an image."""
        identity = self._id(digest)
        return [one for one, other in self._names.items() if self._id(other) == identity]

    def _known(self, digest: Digest, name: str) -> Digest:
        """What an engine says that registries call an image."""
        pinned = [Reference.parse(one) for one in self._same(digest) if "@" in one]
        asked = Reference.parse(name)
        pinned.sort(key=lambda one: (one.digest != asked.digest, one.name != asked.name))
        return Digest.parse(pinned[0].digest) if pinned else self._id(digest)

    def _image(self, digest: Digest, name: str) -> LocalImage:
        document = self._manifest(digest)
        config = json.loads(self._content[Digest.parse(document["config"]["digest"])])
        layers = [Digest.parse(one["digest"]) for one in document["layers"]]
        names = [Reference.parse(one).familiar() for one in self._same(digest) if "@" not in one]
        return LocalImage(
            id=self._id(digest),
            digest=self._known(digest, name) if self._classic else digest,
            names=tuple(sorted(names)),
            labels=config["config"]["Labels"],
            size=sum(len(self._content[layer]) for layer in layers),
            diff_ids=tuple(config["rootfs"]["diff_ids"]),
            config=config["config"],
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


def _blobs(raw: bytes) -> Iterator[tuple[Digest, bytes]]:
    """What is in an image layout, each under its digest."""
    try:
        with tarfile.open(fileobj=io.BytesIO(raw), mode="r:") as archive:
            for member in archive:
                kind, _, name = member.name.partition("/")
                file = archive.extractfile(member)
                assert file is not None
                content = file.read()
                if kind == "blobs":
                    digest = Digest.parse(name.replace("/", ":"))
                    if digest_of(content) != digest:
                        raise EngineError(f"cannot load: {digest} is another content")
                    yield digest, content
    except tarfile.TarError as error:
        raise EngineError(f"cannot load: {error}") from error


def _tell(progress: Progress, contents: Any) -> None:
    total = sum(len(content) for content in contents)
    progress(0, total)
    progress(total, total)
