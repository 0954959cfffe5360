"""Variants: one table of ``images.toml`` that stands for several images, each with its changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layers.config.faults import Faults
from layers.config.schema import IMAGE, IMAGE_NAME
from layers.config.shapes.table import Map
from layers.config.toml import Path

_MERGED = frozenset(key for key, kind in IMAGE.keys.items() if isinstance(kind, Map)) - {"variants"}
"""Tables of the user's own names, as args: merged name by name.  Every other key is replaced."""

Tables = Mapping[str, Any]


def variants(images: Tables) -> Iterator[tuple[str, str, str]]:
    """``(image, table, variant)`` of every variant: ``("postura-cpu", "postura", "cpu")``."""
    for name, table in images.items():
        for variant in _table(_table(table).get("variants")):
            yield f"{name}-{variant}", name, variant


def spread(images: Tables, changes: Sequence[Tables]) -> dict[str, dict[str, Any]]:
    """A table for each image: its own, its variant's over it, then each of the ``changes`` in turn.

    A change of the table that has the variants is one of each of them; the same one's change of one
    variant comes after it.
    """
    spread: dict[str, dict[str, Any]] = {}
    families: dict[str, str] = {}
    for name, table in images.items():
        own = {key: value for key, value in table.items() if key != "variants"}
        many = list(variants({name: table}))
        for image, _, variant in many:
            spread[image] = merge(own, table["variants"][variant])
            families[image] = name
        if not many:
            spread[name] = own
    for change in changes:
        for image, family in families.items():
            spread[image] = merge(spread[image], change.get(family, {}))
        for name, each in change.items():
            if name not in families.values():
                spread[name] = merge(spread.get(name, {}), each)
    return spread


def merge(table: Tables, change: Tables) -> dict[str, Any]:
    """``table`` with ``change`` over it."""
    merged = dict(table)
    for key, value in change.items():
        merged[key] = {**merged.get(key, {}), **value} if key in _MERGED else value
    return merged


def check(images: Tables, faults: Faults) -> None:
    """Tell of variants whose images are not whole, or whose names mean something else."""
    owners = {name: name for name in images if not _table(images[name]).get("variants")}
    for image, name, variant in variants(images):
        path: Path = ("images", name, "variants", variant)
        owner = owners.setdefault(image, path_name(name, variant))
        if owner != path_name(name, variant):
            faults.add(path, f"its image {image!r} is there already: {owner}")
        if not faults.touch(path):
            IMAGE_NAME.check(image, path, faults)
        if not faults.touch(("images", name)):
            table = merge(images[name], images[name]["variants"][variant])
            IMAGE.check_keys(table, path, faults)


def path_name(name: str, variant: str) -> str:
    """How errors name a variant."""
    return f"{name}.variants.{variant}"


def places(image: str, family: str, profiles: Sequence[Path]) -> list[Path]:
    """The tables that may say something about an image, the strongest first.

    ``family`` is the table that it is a variant of, empty for an image with a table of its own;
    of ``profiles``, the paths of their tables, the last is the strongest.
    """
    own: list[Path] = [("images", image)]
    if family:
        own = [("images", family, "variants", image[len(family) + 1 :]), ("images", family)]
    names = [image, family] if family else [image]
    changed = [(*above, "images", name) for above in reversed(profiles) for name in names]
    return [*changed, *own]


def place(raw: Tables, tables: list[Path], keys: Path) -> Path:
    """The one of ``tables`` that has the value of ``keys``; where none has, the image's own."""
    # a list that a profile or a variant replaces is its own as a whole
    told = tuple(key for key in keys[:2] if isinstance(key, str))
    own = [table for table in tables if table[0] == "images"]
    for end, some in ((told, tables), ((), [*own, *tables])):
        for table in some:
            if _stands(raw, (*table, *end)):
                return table
    return own[0]


def _stands(raw: Tables, path: Path) -> bool:
    here: Any = raw
    for key in path:
        if not isinstance(here, dict) or key not in here:
            return False
        here = here[key]
    return True


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
