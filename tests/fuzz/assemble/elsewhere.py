"""Elsewhere: stages and images that a case copies from, drawn and read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from hashes.context.sources import Sources
from hashes.dockerfile.reachable import Reached, Source
from layers.assemble.cut import Image
from layers.assemble.image import listing_of, stage
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Blocked
from layers.assemble.origins.rootfs import Packed, Rootfs
from layers.assemble.origins.taken import Store
from layers.assemble.recipe import EMPTY, Recipe, Trunk
from layers.assemble.tarballs import BadTarball
from layers.assemble.trunk import divisions
from tests.fuzz.assemble.case import BASE, OTHER, Case, Member, tarball
from tests.fuzz.assemble.inside import a_run

TARGETS = ("/", "/new/", "/new", "/a/b", "/a/", "/srv", "/srv/", "/opt/x", "rel", "rel/", ".", "/b")
EXCLUDES = (("f",), ("*",), ("*.txt", "g"), ("**/f",), ("a",), ("*/x",), ("[a-f]",), ("*", "!x"))
USERS = ("1000", "5:60", "app", "app:staff", "0", "root", ":7")
Read = Callable[[str], bytes]


def with_origins(case: Case, other: Case, seed: int, *, exclude: bool = False) -> Case:
    """The case with one to three steps that take from elsewhere; ``other`` lends its base."""
    rng = Random(f"{seed}/{case.name}/origins")
    case = replace(
        case,
        name=f"{case.name}-o",
        other=other.layers,
        other_packing=other.packing,
        ignore=case.ignore if rng.random() < 0.25 else "",
    )
    heads, sources = _stages(rng, case)
    steps = [_copy(rng, *rng.choice(sources), exclude=exclude) for _ in range(rng.randint(1, 3))]
    stay = ("FROM", "RUN", "USER 0")
    lines = [line for line in case.lines if line.startswith(stay) or rng.random() < 0.35]
    late = ("FROM", "RUN") if rng.random() < 0.7 else ("FROM",)
    last = max(at for at, line in enumerate(lines) if line.startswith(late))
    for step in steps:
        lines.insert(rng.randint(last + 1, len(lines)), step)
    used = [head for name, *head in heads if any(f"--from={name} " in each for each in steps)]
    if any(f"--from={heads[-1][0]} " in each for each in steps):
        used = [head for _, *head in heads]
    return replace(case, lines=(*(line for head in used for line in head), *lines))


def _stages(rng: Random, case: Case) -> tuple[list[list[str]], list[tuple[str, list[str]]]]:
    """Stages with their names before their lines, and all that can be copied from."""
    base = _paths(case.layers)
    context = [f"/all/{each.path}" for each in case.context]
    found = [(BASE, base), (OTHER, _paths(case.other))]
    begin = rng.choice((BASE, BASE, "scratch"))
    files = ["files", f"FROM {begin} AS files", _context_copy(rng, case.context, "/all/")]
    at = rng.choice(("/more/", "/all", *TARGETS, *(base if begin == BASE else ())))
    files += [_context_copy(rng, case.context, at)] if rng.random() < 0.6 else []
    files += [rng.choice(("WORKDIR /made/here", "USER 1000", "ENV X=1", "WORKDIR rel"))]
    files += [_copy(rng, *rng.choice(found))] if rng.random() < 0.4 else []
    if begin == BASE and case.runs and rng.random() < 0.5:
        files[2:2] = ["USER 0", a_run(rng)]
    paths = [*context, "/all", "/all/", "/made", at, *(base[:9] if begin == BASE else ())]
    found.append(("files", [each for each in paths if each != "."]))
    second = ["second", f"FROM {rng.choice(('scratch', 'files'))} AS second"]
    second += [f"COPY --from=files {rng.choice(('', '--chown=7', '--link'))} /all /all/"]
    second += [_copy(rng, *found[-1])] if rng.random() < 0.3 else []
    found.append(("second", [*context, "/all"]))
    return [files, second], [*found, found[2], found[2]]


def _paths(layers: Sequence[Sequence[Member]]) -> list[str]:
    """What is in an image."""
    try:
        listing = listing_of([iter((tarball(each),)) for each in layers])
    except BadTarball:  # no engine unpacks it
        return ["/"]
    return [f"/{path}" for path, _ in listing.walk()] or ["/"]


def _context_copy(rng: Random, context: Sequence[Member], to: str) -> str:
    flags = [f"--chown={rng.choice(USERS[:2])}"] if rng.random() < 0.4 else []
    flags += ["--chmod=755"] if rng.random() < 0.2 else []
    sources = ["."] if rng.random() < 0.7 else [rng.choice(context).path]
    return f"COPY {' '.join(flags)} {json.dumps([*sources, to], ensure_ascii=False)}"


def _copy(rng: Random, name: str, paths: Sequence[str], *, exclude: bool = False) -> str:
    """A step that takes from a stage or an image."""
    flags = [f"--from={name}"]
    if rng.random() < 0.2:
        flags.append(f"--chown={rng.choice(USERS)}")
    if rng.random() < 0.12:
        flags.append(f"--chmod={rng.choice(('755', '600', '4755'))}")
    if rng.random() < 0.2:
        flags.append("--link")
    if exclude and rng.random() < 0.25:
        flags += [f"--exclude={each}" for each in rng.choice(EXCLUDES)]
    sources = [_source(rng, paths) for _ in range(1 if rng.random() < 0.8 else 2)]
    words = [*sources, rng.choice(TARGETS)]
    if rng.random() < 0.1:
        words[-1] = rng.choice(paths)
    return f"COPY {' '.join(flags)} {json.dumps(words, ensure_ascii=False)}"


def _source(rng: Random, paths: Sequence[str]) -> str:
    path, lot = rng.choice(paths), rng.random()
    folder, _, name = path.rpartition("/")
    if lot < 0.1:
        return rng.choice((f"{folder}/*", f"{folder}/?*", f"{folder}/[a-t]*", f"{path}/*", "/*"))
    if lot < 0.2:
        return f"{folder}/{name[:1]}*"
    if lot < 0.25:
        return rng.choice(("/", ".", "/*/*", "/nothing*"))
    if lot < 0.3:
        return path.lstrip("/")
    return path + ("/" if lot > 0.85 else "")


@dataclass(frozen=True)
class Elsewhere:
    """Reads what a case takes from elsewhere, as it is for a tail."""

    recipe: Recipe
    reached: tuple[Reached, ...]
    context: Sources
    base: Image
    images: Mapping[str, tuple[Image, Read]]
    """By name in the Dockerfile."""
    built: Callable[[str], tuple[str, Read] | None]
    """The image of a stage, as BuildKit makes it."""
    store: Store

    def of(self, source: Source) -> Rootfs:
        """What is in a stage or an image."""
        if source.stage is None:
            return self._image(source.text, *self.images[source.text])
        at = [each.index for each in self.reached].index(source.stage)
        division = divisions(self.reached[: at + 1])[-1]
        name = self.recipe.dockerfile.stages[source.stage].name
        if division.last is not None:
            found = self.built(name)
            if found is None:
                raise Blocked(f"the stage {name} cannot be built")
            return self._image(name, image_of(*found), found[1])
        trunk, packed = EMPTY, Packed()
        if division.base.text != "scratch":
            whole = self._image("base", *self.images["base"])
            layers = tuple(self.base.layers)
            trunk, packed = Trunk(self.base.configuration, layers, whole.listing), whole.packed
        recipe = replace(self.recipe, division=division)
        return stage(name, trunk, recipe, self.context, self.of, packed, self.store)

    def _image(self, name: str, image: Image, read: Read) -> Rootfs:
        layers = [str(each["digest"]) for each in image.layers]
        listing = listing_of([iter((read(each),)) for each in layers])
        listing = Listing.from_bytes(listing.to_bytes("it"), "it")
        sizes = tuple(int(each["size"]) for each in image.layers)
        packed = Packed(sizes, tuple(layers), lambda number: iter((read(layers[number]),)))
        return Rootfs(name, listing, packed, self.store)


def image_of(digest: str, read: Read) -> Image:
    """An image whose blobs can be read."""
    manifest: dict[str, Any] = json.loads(read(digest))
    return Image(manifest["layers"], json.loads(read(manifest["config"]["digest"])))
