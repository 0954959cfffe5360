"""Cutting: the trunk of an image that is there, over the filesystem layers that it has anyway.

Which step gave which layer stands in the image's history.  All that is known of the image is held
against what its Dockerfile says of it; where anything differs there is no trunk.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hashes.dockerfile.expand import WordError
from hashes.dockerfile.instruction import Instruction
from layers.assemble.configuration import Configuration
from layers.assemble.listing import Listing
from layers.assemble.obstacle import Blocked, Obstacle
from layers.assemble.recipe import CONFIG_TYPE, Recipe, Trunk, in_the_way, oci
from layers.assemble.trunk import SETTINGS
from layers.assemble.walk import walk
from layers.oci.artifact import MANIFEST_TYPE, descriptor

_WITH_FILES = ("RUN", "COPY", "ADD", "WORKDIR")
_UNTOLD = ("ONBUILD",)
"""What versions of BuildKit leave out of the history."""
_MEANINGLESS = ("ArgsEscaped",)
"""Means something on Windows; versions of BuildKit differ in whether they set it."""


class Image(NamedTuple):
    """An image as a registry has it."""

    layers: Sequence[Mapping[str, Any]]
    """The descriptors of its filesystem layers."""
    configuration: Mapping[str, Any]
    """{} for an empty one."""

    @property
    def history(self) -> list[Mapping[str, Any]]:
        return list(self.configuration.get("history") or ())

    @property
    def diff_ids(self) -> list[str]:
        return list((self.configuration.get("rootfs") or {}).get("diff_ids") or ())


class Cut(NamedTuple):
    """A trunk as a registry takes it."""

    configuration: bytes
    manifest: bytes
    layers: tuple[Mapping[str, Any], ...]
    """The descriptors of its filesystem layers, from below."""
    own: int
    """How many of them are above the base."""


def cut(image: Image, base: Image, recipe: Recipe, labels: Mapping[str, str]) -> Cut | Obstacle:
    """The trunk of an image that was made by a recipe upon a base; ``labels`` are to be its own."""
    wrong = in_the_way(Trunk(base.configuration, tuple(base.layers), Listing()), recipe)
    if wrong is not None:
        return wrong
    try:
        trunk, whole, items, count = _settings(base, recipe)
    except (Blocked, WordError) as error:
        return Obstacle(0, "", str(error))
    told = _agree(whole, image.configuration) or _stands_upon(image, base)
    if told:
        return Obstacle(0, "", told)
    own = _told(image.history[len(base.history) :], items)
    if own is None:
        return Obstacle(0, "", "its history does not tell which step gave which layer")
    entries = len(base.history) + own[count - 1] + 1
    history = image.history[:entries]
    number = sum(not each.get("empty_layer") for each in history)
    trunk.has(history, image.diff_ids[:number])
    trunk.label(labels)
    created = history[-1].get("created") or image.configuration.get("created")
    if not created:
        return Obstacle(0, "", "nothing tells when it was made")
    configuration = trunk.to_bytes(str(created))
    layers = tuple(map(oci, image.layers[:number]))
    value = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": descriptor(CONFIG_TYPE, configuration),
        "layers": list(layers),
    }
    manifest = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return Cut(configuration, manifest, layers, number - len(base.layers))


def _settings(
    base: Image, recipe: Recipe
) -> tuple[Configuration, Configuration, list[Instruction], int]:
    """Of the trunk, and of the whole; all instructions, and how many of them are the trunk's."""
    found = (
        Configuration(base.configuration)
        if base.configuration
        else Configuration.scratch(recipe.platform)
    )
    end, first = recipe.division.tail[0]
    items: list[Instruction] = []
    trunk: Configuration | None = None
    for place in walk(recipe, found):
        items.append(place.item)
        if place.item.keyword in SETTINGS:
            found.take(place.item, place.state)
        if place.stage.index == end.index and place.position + 1 == first:
            trunk, count = copy.deepcopy(found), len(items)
            if first == end.triggers:
                trunk.end_triggers()
    assert trunk is not None, "a trunk ends with a step"
    found.label(recipe.labels or {})
    return trunk, found, items, count


def _agree(expected: Configuration, found: Mapping[str, Any]) -> str:
    """What of an image's settings is not what its Dockerfile makes them; "" where all is."""
    whole = Configuration(found)
    for said, is_ in ((expected.image, whole.image), (expected.config, whole.config)):
        for name in sorted({*said, *is_} - {*_MEANINGLESS}):
            if (said.get(name) or None) != (is_.get(name) or None):
                return f"its {name} is {is_.get(name)!r} where {said.get(name)!r} is expected"
    return ""


def _stands_upon(image: Image, base: Image) -> str:
    """What speaks against it that an image begins with its base; "": nothing."""
    for each, name in ((image, "image"), (base, "base")):
        full = sum(not entry.get("empty_layer") for entry in each.history)
        if not len(each.layers) == len(each.diff_ids) == full:
            return f"the {name} has {len(each.layers)} layers, and {full} in its history"
    if image.diff_ids[: len(base.diff_ids)] != base.diff_ids:
        return "it does not begin with the layers of its base"
    if list(map(_said, image.history[: len(base.history)])) != list(map(_said, base.history)):
        return "it does not begin with the history of its base"
    return ""


def _said(entry: Mapping[str, Any]) -> tuple[str, bool]:
    return str(entry.get("created_by") or ""), bool(entry.get("empty_layer"))


def _told(history: Sequence[Mapping[str, Any]], items: Sequence[Instruction]) -> list[int] | None:
    """By instruction the place of the last entry so far; None where these do not fit."""
    at, found = -1, []
    for item in items:
        entry = history[at + 1] if at + 1 < len(history) else {}
        keyword = (str(entry.get("created_by") or "").split() or [""])[0].upper()
        if keyword == item.keyword:
            if item.keyword not in _WITH_FILES and not entry.get("empty_layer"):
                return None
            at += 1
        elif item.keyword not in _UNTOLD:
            return None
        found.append(at)
    return found if at + 1 == len(history) else None
