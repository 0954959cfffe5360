"""What a file names outside itself: images in the engine and upstream, and compose files."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from hashes.dockerfile.git import is_git
from hashes.errors import did_you_mean
from layers.config.faults import Faults, SpecError
from layers.config.profiles import Part
from layers.config.spec import Image, Stack
from layers.config.toml import Path
from layers.oci.reference import BadReference, Reference


def leads_out(path: str) -> bool:
    """Whether a normal relative path leaves the folder that it starts from."""
    return path == ".." or path.startswith("../")


def upstreams(parts: Sequence[Part], images: Mapping[str, Image], faults: Faults) -> dict[str, str]:
    """Normal name of an upstream image → the image or other upstream to take in its place."""
    ours = {Reference.parse(name).normal: image for name, image in images.items()}
    result = {}
    for above, table in parts:
        for name, instead in table.get("upstream", {}).items():
            path: Path = (*above, "upstream", name)
            try:
                normal = Reference.parse(name).normal
                other = Reference.parse(instead).normal
            except BadReference as error:
                faults.add(path, error.message)
                continue
            if normal in ours and ours[normal].rootfs is not None:
                faults.add(path, f"{name!r} is an image of this file, not upstream")
            elif other not in ours and not set(instead) & set("/:@"):
                guess = did_you_mean(instead, images)
                hint = "write a tag (name:latest) if it is an upstream image"
                faults.add(path, f"no image {instead!r}{guess}", hint)
            result[normal] = instead
    return result


TARGET, IMAGE = "target:", "docker-image://"


class Contexts(NamedTuple):
    """Named contexts by their kinds."""

    folders: Mapping[str, str]
    """As written."""
    images: Mapping[str, str]
    """Names of ours, or references."""
    git: Mapping[str, str]


def contexts_of(written: Mapping[str, str]) -> Contexts:
    """What the named contexts of a table are, as buildx and bake write them."""
    folders: dict[str, str] = {}
    images: dict[str, str] = {}
    git: dict[str, str] = {}
    for name, at in written.items():
        if at.startswith((TARGET, IMAGE)):
            images[name] = at.removeprefix(TARGET).removeprefix(IMAGE)
        elif is_git(at):
            git[name] = at
        else:
            folders[name] = at
    return Contexts(folders, images, git)


def context_faults(
    written: Mapping[str, str], images: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Context, fault and hint of each named context that is wrong by itself."""
    for name, at in written.items():
        try:
            normal = Reference.parse(name).normal
            if at.startswith(IMAGE):
                Reference.parse(at.removeprefix(IMAGE))
        except BadReference as error:
            yield name, error.message, ""
            continue
        if any(normal == Reference.parse(other).normal for other in images):
            yield name, "hides the image of that name", ""
        elif at.startswith(TARGET) and at.removeprefix(TARGET) not in images:
            wrong = at.removeprefix(TARGET)
            yield name, f"no image {wrong!r}{did_you_mean(wrong, images)}", ""
        elif "://" in at and not at.startswith(IMAGE) and not is_git(at):
            hint = (
                f"a folder, {TARGET}IMAGE, {IMAGE}NAME, or a git address such as https://…/x.git#v1"
            )
            yield name, f"{at!r} is no context that images.toml knows", hint


def tag_faults(images: Mapping[str, Image]) -> Iterator[tuple[str, str, str]]:
    """Image, fault and hint of each plain name that is wrong, or not one image's alone.

    A plain name means one image, or ``FROM`` and the engine would take turns.
    """
    names = {Reference.parse(name).normal: name for name in images}
    owners: dict[str, str] = {}
    repositories: dict[str, str] = {}
    for name, image in images.items():
        try:
            tag = Reference.parse(image.tag)
        except BadReference as error:
            yield name, error.message, ""
            continue
        owner = owners.setdefault(tag.normal, name)
        if tag.digest:
            yield name, f"{image.tag!r} is a digest, not a plain name", ""
        elif owner != name:
            yield name, f"{image.tag!r} is the tag of {owner!r} too", ""
        elif names.get(tag.normal, name) != name:
            yield name, f"{image.tag!r} is the name of another image", ""
        elif (other := repositories.setdefault(tag.name, name)) != name:
            hint = "stages and keys are tags there, too: give it a repository of its own"
            yield name, f"{image.tag!r} is in the repository of {other!r}", hint


def stacks(
    parts: Sequence[Part], faults: Faults, exists: Callable[[str], bool]
) -> dict[str, Stack]:
    """The stacks by name; a compose file that is not there is a fault of its stack alone."""
    result = {}
    for above, table in parts:
        for name, stack in table.get("stacks", {}).items():
            files = [posixpath.normpath(path) for path in stack.get("compose", ())]
            missing = faults.apart()
            for number, path in enumerate(files):
                at: Path = (*above, "stacks", name, "compose", number)
                if leads_out(path):
                    faults.add(at, f"{path!r} leads out of the folder of {faults.file}")
                elif not exists(path):
                    missing.add(at, f"there is no compose file {path!r}")
            result[name] = Stack(name, tuple(files), missing.as_error(SpecError))
    return result
