"""Recipes: what an image is assembled from, and whether anything about that is out of our reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hashes.dockerfile.arguments import global_args, normal_platform
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile, parse_trigger
from layers.assemble.layer import MEDIA_TYPES
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Obstacle, through
from layers.assemble.trunk import Division
from layers.oci.compression import USUAL, Compression

OCI = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    ),
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.zstd": MEDIA_TYPES["zstd"],
}
"""Docker's kinds of filesystem layers, and the same in the words of the OCI."""
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYERS = frozenset(OCI.values())
_NAMES = ("os", "architecture", "variant")
_NOT_OURS = ("BUILDKIT_", "SOURCE_DATE_EPOCH")
"""What begins so means something to BuildKit itself."""


@dataclass(frozen=True)
class Trunk:
    """What a tail is put upon."""

    configuration: Mapping[str, Any]
    """As the registry has it; {} for an empty base."""
    layers: tuple[Mapping[str, Any], ...]
    """The descriptors of its filesystem layers."""
    listing: Listing
    inside: bool = False
    """True: it has all steps up to the last that runs; False: it is the base."""


EMPTY = Trunk({}, (), Listing())


@dataclass(frozen=True)
class Recipe:
    """What a tail is made from, beside the files."""

    dockerfile: Dockerfile
    division: Division
    args: Mapping[str, str]
    """The build arguments that are given."""
    platform: str
    """``os/architecture[/variant]``."""
    target: str | None = None
    labels: Mapping[str, str] | None = None
    """Those that stand in no Dockerfile."""
    build: str = ""
    """The platform of the machine that builds; "": `platform`."""
    compression: Compression = USUAL
    """Of the new filesystem layers."""


def in_the_way(trunk: Trunk, recipe: Recipe) -> Obstacle | None:
    """What stands in the way of any tail."""
    syntax = recipe.args.get("BUILDKIT_SYNTAX", recipe.dockerfile.syntax)
    if syntax and not syntax.removeprefix("docker.io/").startswith("docker/dockerfile:1"):
        return Obstacle(1, "", f"the file is read by {syntax}")
    known = global_args(
        recipe.dockerfile, recipe.args, recipe.platform, recipe.platform, recipe.target
    )
    strange = [name for name in (*recipe.args, *known) if name.startswith(_NOT_OURS)]
    if strange:
        return Obstacle(0, "", f"the build argument {strange[0]} is given")
    has = "/".join(
        filter(
            None, normal_platform(*(str(trunk.configuration.get(each) or "") for each in _NAMES))
        )
    )
    if trunk.configuration and has != recipe.platform:
        return Obstacle(0, "", f"the base is for {has}, the image for {recipe.platform}")
    first = recipe.division.line[0]
    triggers = tuple((trunk.configuration.get("config") or {}).get("OnBuild") or ())
    if not trunk.inside and first.instructions[: first.triggers] != _triggers(triggers, recipe):
        return Obstacle(0, "", "the base has other ONBUILD triggers than the key knows of")
    if any(stage.platform != recipe.platform for stage in recipe.division.line):
        return Obstacle(0, "", "a stage is for another platform")
    for path in sorted(trunk.listing.doubts.through)[:1]:
        return Obstacle(0, "", f"the base: {through(path)}")
    for each in trunk.layers:
        kind = each.get("mediaType", "")
        if OCI.get(str(kind), kind) not in _LAYERS:
            return Obstacle(0, "", f"the base has a layer of a kind that is not known: {kind}")
    return None


def oci(layer: Mapping[str, Any]) -> dict[str, Any]:
    """The descriptor of a filesystem layer, in the words of the OCI."""
    kind = str(layer.get("mediaType"))
    return {
        "mediaType": OCI.get(kind, kind),
        "digest": layer["digest"],
        "size": layer["size"],
    }


def _triggers(texts: Sequence[str], recipe: Recipe) -> tuple[Instruction, ...]:
    file = recipe.dockerfile
    line = file.stages[recipe.division.line[0].index].line
    return tuple(parse_trigger(each, file.path, line, file.frontend) for each in texts)
