"""Packaging: how an image is sent and what is put on it there; none of it is part of the key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hashes.dockerfile.arguments import looks_secret
from layers.config.faults import Faults
from layers.config.shapes.shape import BAD, Shape, Text, Whole
from layers.config.shapes.table import Map
from layers.config.toml import Path
from layers.oci.compression import LEVELS, Compression
from layers.runtime import placeholders

_OURS = "io.doit-layers."
_NAME = Text("", r"^[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?$", "a label's name")


class _Filled(Text):
    """A text with placeholders."""

    def check(self, value: Any, path: Path, faults: Faults) -> Any:
        found = super().check(value, path, faults)
        if found is not BAD and (wrong := placeholders.fault(found)):
            faults.add(path, wrong)
            return BAD
        if str(path[-1]).startswith(_OURS):
            faults.add(path, f"labels that begin with {_OURS!r} are ours")
            return BAD
        return found


COMPRESSION: dict[str, Shape] = {
    "compression": Text(
        "How new filesystem layers are packed for the registry; default: zstd.",
        choices=tuple(LEVELS),
    ),
    "compression_level": Whole("How hard it tries: up to 9 for gzip, up to 22 for zstd."),
}
MARKS: dict[str, Shape] = {
    "labels": Map(
        "Labels that a moving tag brings along: {git.commit}, {git.describe}, {env.NAME}, {date}.",
        _NAME,
        _Filled("", r"^[\s\S]*$"),
    ),
    "annotations": Map("The same in its manifest.", _NAME, _Filled("", r"^[\s\S]*$")),
}
KEYS = {**COMPRESSION, **MARKS}
"""For an image, and for all images of a project."""


def inherited(project: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """What counts for an image: its own keys before the project's, labels one by one."""
    found = {key: project[key] for key in COMPRESSION if key in project}
    found |= {key: table[key] for key in COMPRESSION if key in table}
    for key in MARKS:
        found[key] = {**project.get(key, {}), **table.get(key, {})}
    return found


def compression_of(table: Mapping[str, Any]) -> Compression | None:
    """How an image's new filesystem layers are packed; None: nothing was said."""
    if not COMPRESSION.keys() & table.keys():
        return None
    return Compression(table.get("compression", "zstd"), table.get("compression_level"))


def level_fault(found: Compression | None) -> str:
    """What is wrong with a level; "": nothing."""
    if found is None or found.level is None or found.level <= LEVELS[found.kind]:
        return ""
    return f"expected 0 to {LEVELS[found.kind]} with {found.kind}, found {found.level}"


def late_args(args: Mapping[str, str]) -> dict[str, str]:
    """Those build args that have a placeholder, which is filled in at publish time."""
    return {name: value for name, value in args.items() if _asked(value)}


def _asked(value: str) -> bool:
    # "{date} {level}" is the format of some log: alone it can only be meant as ours
    found = [each for each in placeholders.names(value) if each != "date" or value == "{date}"]
    return any(not placeholders.fault(f"{{{each}}}") for each in found)


def late_fault(name: str, value: str) -> str:
    """What is wrong with a build arg that has a placeholder; "": nothing."""
    if looks_secret(name):
        return "a build arg with a placeholder ends in a label, where everybody reads it"
    return placeholders.fault(value)
