"""Playing a case: assembled by us, built by BuildKit, compared."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hashes.context.ignore import read_ignore
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.dockerfile.frontend import of_docker
from hashes.dockerfile.parser import parse
from hashes.dockerfile.reachable import reach
from hashes.errors import LayersError
from layers.assemble.cut import Image
from layers.assemble.image import Assembled, assemble, listing_of
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Obstacle
from layers.assemble.origins.taken import Store
from layers.assemble.recipe import Recipe, Trunk
from layers.assemble.trunk import Division, divisions
from layers.oci.artifact import MANIFEST_TYPE, descriptor
from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.fuzz.assemble.case import BASE, OTHER, TOOLS, Case, Member, lay, packed, tarball
from tests.fuzz.assemble.elsewhere import Elsewhere, Read
from tests.fuzz.assemble.inside import tools, upon_trunk
from tests.fuzz.images.content import Contents, differences
from tests.fuzz.images.engines import Engine

PLATFORM = "linux/amd64"
REPOSITORY = "fuzz/base"
SAME, DIFFERS = "same", "differs"
OURS_ONLY = "BuildKit refuses"
"""We made an image, and BuildKit says that there is none: a fault."""
LEFT = "left to BuildKit"
BOTH_REFUSE = "both refuse"
WE_REFUSE = "we refuse"
"""We say that it cannot be built, and it can: a fault."""
FAULTS = (DIFFERS, OURS_ONLY, WE_REFUSE)
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
OTHERS = {"os": "linux", "architecture": "amd64", "config": {}}
"""The settings of an image that is only copied from."""
_TYPES = {"gzip": ".tar+gzip", "zstd": ".tar+zstd", "plain": ".tar"}


class Verdict(NamedTuple):
    """What came of a case."""

    case: Case
    kind: str
    told: tuple[str, ...] = ()
    layers: int = 0
    """How many of ours it has."""

    @property
    def fault(self) -> bool:
        return self.kind in FAULTS


@dataclass
class Table:
    """What cases are played on."""

    engine: Engine
    registry: str
    """``host:port``."""
    client: HttpRegistry

    @classmethod
    def of(cls, engine: Engine, registry: str) -> Table:
        tools(engine.build, TOOLS)
        return cls(engine, registry, HttpRegistry(NoCredentials(), lambda _: True))


def play(table: Table, case: Case) -> Verdict:
    """Assemble, build, compare."""
    with tempfile.TemporaryDirectory(prefix="fuzz-assemble-") as name:
        folder = Path(name)
        lay(case.context, folder / "context", case.ignore)
        told = _Play(table, case, folder)
        try:
            return told.upon_base() if told.divisions[-1].last is None else told.inside()
        finally:
            told.store.close()


class _Play:
    def __init__(self, table: Table, case: Case, folder: Path) -> None:
        self.table, self.case, self.folder = table, case, folder
        self.store = Store()
        self.blobs, self.manifest = _image(case.layers, case.packing, case.config)
        self.others, self.other = _image(case.other, case.other_packing, OTHERS)
        content = json.loads(self.manifest)
        config = json.loads(self.blobs[content["config"]["digest"]])
        self.base = Image(content["layers"], config)
        frontend = of_docker(table.engine.version)
        assert frontend is not None
        text = case.dockerfile.replace(BASE, "base").replace(OTHER, "lender")
        self.file = parse(text.encode(), "Dockerfile", frontend=frontend)
        triggers = tuple(config["config"].get("OnBuild") or ())
        self.reached = reach(self.file, None, {}, PLATFORM, triggers=lambda *_: triggers)
        ignore = read_ignore(str(folder / "context"), None)
        self.sources = Sources(Tree(str(folder / "context"), ignore))
        self.divisions = divisions(self.reached)

    def upon_base(self) -> Verdict:
        """What nothing runs in: assembled first, then built."""
        case = self.case
        try:
            ours = self.assembled(self.divisions[-1], None)
        except LayersError as error:
            said = self.build()
            return Verdict(case, BOTH_REFUSE if said else WE_REFUSE, (str(error), said))
        if isinstance(ours, Obstacle):
            return Verdict(case, LEFT, (f"{ours.step}: {ours.reason}",))
        said = self.build()
        if said:
            ours.close()
            return Verdict(case, OURS_ONLY, tuple(said.splitlines()[-6:]))
        verdict = self.compared(ours)
        rest = self.inside(self.divisions[:-1]) if verdict.kind == SAME else verdict
        return verdict if rest.kind in (SAME, LEFT) else rest

    def inside(self, divisions: Sequence[Division] | None = None) -> Verdict:
        """Build, cut, assemble what comes after each trunk, compare."""
        case, verdict = self.case, Verdict(self.case, LEFT, ("nothing: there is no such trunk",))
        if divisions is None:
            divisions = self.divisions
            said = self.build()
            if said:
                return Verdict(case, BOTH_REFUSE, tuple(said.splitlines()[-6:]))
        found = self.table.engine.stored(f"fuzz-{case.name}:latest")
        assert found is not None
        for division in divisions:
            try:
                ours = self.assembled(division, found)
            except LayersError as error:
                return Verdict(case, WE_REFUSE, (str(error),))
            if not isinstance(ours, Obstacle):
                verdict = self.compared(ours)
            elif verdict.kind != SAME:
                verdict = Verdict(case, LEFT, (f"{ours.step}: {ours.reason}",))
            if verdict.fault:
                break
        return verdict

    def assembled(self, division: Division, found: tuple[str, Read] | None) -> Assembled | Obstacle:
        """A tail upon the base, or upon the trunk of an image that was built."""
        recipe = Recipe(self.file, division, {}, PLATFORM)
        images = {"base": (self.base, self.blobs.__getitem__)}
        if self.case.other:
            other = json.loads(self.other)
            config = json.loads(self.others[other["config"]["digest"]])
            images["lender"] = (Image(other["layers"], config), self.others.__getitem__)
        elsewhere = Elsewhere(
            recipe, self.reached, self.sources, self.base, images, self.stage, self.store
        )
        if division.last is not None:
            assert found is not None
            return upon_trunk(*found, self.base, recipe, self.sources, elsewhere.of)
        listing = listing_of([iter((self.blobs[each["digest"]],)) for each in self.base.layers])
        name = _digest(self.manifest)
        listing = Listing.from_bytes(listing.to_bytes(name), name)
        trunk = Trunk(self.base.configuration, tuple(self.base.layers), listing)
        return assemble(trunk, recipe, self.sources, elsewhere.of)

    def compared(self, ours: Assembled) -> Verdict:
        """Against what BuildKit made."""
        with_ours = _blobs(ours)
        ours.close()
        found = self.table.engine.stored(f"fuzz-{self.case.name}:latest")
        assert found is not None
        read = found[1]

        def mine(digest: str) -> bytes:
            return with_ours.get(digest) or self.blobs.get(digest) or read(digest)

        told = differences(Contents().read(*found), Contents().read(_digest(ours.manifest), mine))
        return Verdict(self.case, DIFFERS if told else SAME, tuple(told), len(ours.layers))

    def build(self, tag: str = "", *words: str) -> str:
        """What a plain build complains about, or ""."""
        text, table = self.case.dockerfile, self.table
        for token, blobs, manifest in (
            (BASE, self.blobs, self.manifest),
            (OTHER, self.others, self.other),
        ):
            where = f"{table.registry}/{REPOSITORY}"
            if token not in text:
                continue
            for data in blobs.values():
                table.client.put_blob(where, data)
            digest = table.client.put_manifest(where, _digest(manifest), manifest, MANIFEST_TYPE)
            text = text.replace(token, f"{where}@{digest}")
        path = self.folder / "Dockerfile"
        path.write_text(text)
        name = f"--tag=fuzz-{self.case.name}{tag}:latest"
        context = str(self.folder / "context")
        return table.engine.build([f"--file={path}", name, *words, context], str(self.folder))

    def stage(self, name: str) -> tuple[str, Read] | None:
        """The image of a stage, as whoever keeps it has it."""
        self.build(f"-{name}", f"--target={name}")
        return self.table.engine.stored(f"fuzz-{self.case.name}-{name}:latest")


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _image(
    members: Sequence[Sequence[Member]], packing: Sequence[str], settings: Mapping[str, Any]
) -> tuple[dict[str, bytes], bytes]:
    """An image's blobs, and its manifest."""
    tars = [tarball(each) for each in members]
    layers = [packed(tar, how) for tar, how in zip(tars, packing, strict=True)]
    config = dict(settings)
    config["rootfs"] = {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]}
    config["history"] = [{"created_by": "a layer"} for _ in tars]
    text = json.dumps(config).encode()
    kinds = [f"application/vnd.oci.image.layer.v1{_TYPES[how]}" for how in packing]
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, text),
        "layers": [descriptor(kind, data) for kind, data in zip(kinds, layers, strict=True)],
    }
    return {_digest(each): each for each in (*layers, text)}, json.dumps(value).encode()


def _blobs(made: Assembled) -> dict[str, bytes]:
    """By digest: all of an image that its base does not have."""
    found = {each.digest.text: b"".join(each.parts()) for each in made.layers}
    for digest, data in found.items():
        assert _digest(data) == digest
    return found | {_digest(data): data for data in (made.configuration, made.manifest)}
