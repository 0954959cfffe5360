"""Playing a case: assembled by us, built by BuildKit, compared."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
from layers.assemble.recipe import Recipe, Trunk
from layers.assemble.trunk import divide
from layers.oci.artifact import MANIFEST_TYPE, descriptor
from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.fuzz.assemble.case import BASE, TOOLS, Case, lay, packed, tarball
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
        blobs, manifest = _base(case)
        text = case.dockerfile.replace(BASE, "base", 1)
        ours: Assembled | Obstacle | LayersError
        if case.runs:
            return _inside(table, case, folder, blobs, manifest)
        try:
            ours = _assembled(table, case, folder / "context", text, blobs, manifest)
        except LayersError as error:
            ours = error
        if isinstance(ours, Obstacle):
            return Verdict(case, LEFT, (f"{ours.step}: {ours.reason}",))
        said = _build(table, case, folder, blobs, manifest)
        if isinstance(ours, LayersError):
            return Verdict(case, BOTH_REFUSE if said else WE_REFUSE, (str(ours), said))
        with_ours = {**blobs, **_blobs(ours)}
        ours.close()
        if said:
            return Verdict(case, OURS_ONLY, tuple(said.splitlines()[-6:]))
        digest = _digest(ours.manifest)
        mine = Contents().read(digest, lambda each: with_ours[each])
        theirs = table.engine.content(f"fuzz-{case.name}:latest")
        assert theirs is not None
        found = differences(theirs, mine)
        return Verdict(case, DIFFERS if found else SAME, tuple(found), len(ours.layers))


def _inside(
    table: Table, case: Case, folder: Path, blobs: dict[str, bytes], manifest: bytes
) -> Verdict:
    """Build, cut, assemble what comes after the last step that runs, compare."""
    said = _build(table, case, folder, blobs, manifest)
    if said:
        return Verdict(case, BOTH_REFUSE, tuple(said.splitlines()[-6:]))
    found = table.engine.stored(f"fuzz-{case.name}:latest")
    assert found is not None
    text = case.dockerfile.replace(BASE, "base")
    recipe, sources, base = _recipe(table, folder / "context", text, blobs, manifest)
    try:
        ours = upon_trunk(*found, base, recipe, sources)
    except LayersError as error:
        return Verdict(case, WE_REFUSE, (str(error),))
    if isinstance(ours, Obstacle):
        return Verdict(case, LEFT, (f"{ours.step}: {ours.reason}",))
    with_ours = _blobs(ours)
    ours.close()
    read = found[1]
    mine = Contents().read(_digest(ours.manifest), lambda each: with_ours.get(each) or read(each))
    told = differences(Contents().read(*found), mine)
    return Verdict(case, DIFFERS if told else SAME, tuple(told), len(ours.layers))


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _base(case: Case) -> tuple[dict[str, bytes], bytes]:
    """The base's blobs, and its manifest."""
    tars = [tarball(each) for each in case.layers]
    layers = [packed(tar, how) for tar, how in zip(tars, case.packing, strict=True)]
    config = dict(case.config)
    config["rootfs"] = {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]}
    config["history"] = [{"created_by": "a layer"} for _ in tars]
    text = json.dumps(config).encode()
    kinds = [f"application/vnd.oci.image.layer.v1{_TYPES[how]}" for how in case.packing]
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, text),
        "layers": [descriptor(kind, data) for kind, data in zip(kinds, layers, strict=True)],
    }
    return {_digest(each): each for each in (*layers, text)}, json.dumps(value).encode()


def _assembled(
    table: Table,
    case: Case,
    context: Path,
    text: str,
    blobs: dict[str, bytes],
    manifest: bytes,
) -> Assembled | Obstacle:
    recipe, sources, base = _recipe(table, context, text, blobs, manifest)
    listing = listing_of([iter((blobs[each["digest"]],)) for each in base.layers])
    name = _digest(manifest)
    listing = Listing.from_bytes(listing.to_bytes(name), name)
    return assemble(Trunk(base.configuration, tuple(base.layers), listing), recipe, sources)


def _recipe(
    table: Table, context: Path, text: str, blobs: dict[str, bytes], manifest: bytes
) -> tuple[Recipe, Sources, Image]:
    """What an image is made from, the last of it its base."""
    content = json.loads(manifest)
    config = json.loads(blobs[content["config"]["digest"]])
    frontend = of_docker(table.engine.version)
    assert frontend is not None
    file = parse(text.encode(), "Dockerfile", frontend=frontend)
    triggers = tuple(config["config"].get("OnBuild") or ())
    stages = reach(file, None, {}, PLATFORM, triggers=lambda _name, _platform: triggers)
    sources = Sources(Tree(str(context), read_ignore(str(context), None)))
    recipe = Recipe(file, divide(stages), {}, PLATFORM)
    return recipe, sources, Image(content["layers"], config)


def _blobs(made: Assembled) -> dict[str, bytes]:
    """By digest: all of an image that its base does not have."""
    found = {each.digest.text: b"".join(each.parts()) for each in made.layers}
    for digest, data in found.items():
        assert _digest(data) == digest
    return found | {_digest(data): data for data in (made.configuration, made.manifest)}


def _build(table: Table, case: Case, folder: Path, blobs: dict[str, bytes], manifest: bytes) -> str:
    """What a plain build complains about, or ""."""
    where = f"{table.registry}/{REPOSITORY}"
    for data in blobs.values():
        table.client.put_blob(where, data)
    digest = table.client.put_manifest(where, _digest(manifest), manifest, MANIFEST_TYPE)
    path = folder / "Dockerfile"
    path.write_text(case.dockerfile.replace(BASE, f"{where}@{digest}"))
    tag = f"--tag=fuzz-{case.name}:latest"
    return table.engine.build([f"--file={path}", tag, str(folder / "context")], str(folder))
