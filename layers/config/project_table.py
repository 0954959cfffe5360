"""The project's own table: its registry, where images go in it, and its platform."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hashes.algorithm import HEX_LENGTHS
from hashes.dockerfile.arguments import ARCHITECTURES
from hashes.dockerfile.arguments import platform as normal
from hashes.errors import LayersError, did_you_mean
from layers.config.faults import Faults, SpecError
from layers.config.profiles import Part, said
from layers.config.spec import Image
from layers.config.toml import Path
from layers.oci.reference import LONGEST_TAG, is_registry
from layers.oci.template import DEFAULT_REPOSITORY, BadTemplate, Home, Template

_ARCHITECTURES = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x"),
)


def registry_of(parts: Sequence[Part], override: str | None, faults: Faults) -> str | None:
    """The registry that counts; ``parts`` are the project's table and profiles'.

    Raises SpecError.
    """
    for path, table in parts:
        text = table.get("registry", "engine")
        if text != "engine" and not is_registry(text):
            hint = "the host needs a dot or a port, or must be localhost; no https://"
            faults.add((*path, "registry"), f"{text!r} is no host[:port][/path]", hint)
    if override and override != "engine" and not is_registry(override):
        bad = LayersError(f"LAYERS_REGISTRY: {override!r} is no host[:port][/path]")
        raise SpecError([bad])
    if override is not None:
        return override or None
    found = said(parts, "registry")
    return str(found.table["registry"]) if found else None


def repository_of(parts: Sequence[Part]) -> tuple[Path, str]:
    """The template of repositories that counts, and where it stands."""
    found = said(parts, "repository")
    if found is None:
        return ("project", "repository"), DEFAULT_REPOSITORY
    return (*found.path, "repository"), str(found.table["repository"])


def create_of(project: Mapping[str, Any], faults: Faults) -> tuple[str, ...]:
    """The words of the command that makes repositories; braces of JSON in them are let be."""
    words = tuple(project.get("create_repository", ()))
    known = ("repository", "registry")
    for number, word in enumerate(words):
        for name in re.findall(r"\{([A-Za-z_]+)\}", word):
            if name not in known:
                path: Path = ("project", "create_repository", number)
                hint = "known: {repository}, {registry}"
                faults.add(path, f"unknown placeholder {{{name}}}{did_you_mean(name, known)}", hint)
    whole: Path = ("project", "create_repository")
    if words and not faults.touch(whole) and not any("{repository}" in word for word in words):
        faults.add(whole, "expected {repository} in one of its words")
    return words


def platform_of(written: str | None, default: str, place: Path, faults: Faults) -> str:
    """The platform to build for in its one spelling, ``default`` where none is written."""
    if written is None:
        return default
    architecture = written.split("/")[1]
    if architecture not in _ARCHITECTURES:
        other = ARCHITECTURES.get(architecture)
        guess = f" (did you mean {other!r}?)" if other else ""
        guess = guess or did_you_mean(architecture, _ARCHITECTURES)
        message = f"unknown architecture {architecture!r}{guess}"
        faults.add(place, message)
    return normal(written)


_CLAIM = len("claim-")
"""What comes before a key in the longest of our tags."""


def check_homes(
    project: str,
    images: Mapping[str, Image],
    shared: tuple[Path, str],
    place: Callable[[str], Path],
    algorithm: str,
    faults: Faults,
) -> None:
    """Tell of templates that are none, and of images whose tags nobody could tell apart.

    ``shared`` is the project's template and where it stands; ``place`` tells where an image's own
    does; ``algorithm`` is that of the keys.
    """
    homes: dict[str, Home] = {}
    for name, image in images.items():
        at, text = (place(name), image.repository) if image.repository else shared
        try:
            homes[name] = Template.parse(text).home(project, name)
        except BadTemplate as error:
            faults.add(at, error.message, error.hint)
            continue
        longest = len(homes[name].prefix) + _CLAIM + len(f"{algorithm}-") + HEX_LENGTHS[algorithm]
        if longest > LONGEST_TAG:
            faults.add(at, f"tags of {name!r} get {longest} characters, {LONGEST_TAG} are the most")
        for other in list(homes)[:-1]:
            if _alike(homes[name], homes[other]):
                own = next((each for each in (name, other) if images[each].repository), None)
                faults.add(
                    shared[0] if own is None else place(own),
                    f"{other!r} and {name!r} are one repository, {homes[name].path!r}, where a tag"
                    " of one can be a tag of the other",
                    "put {image} into the path, or into the tag with something behind it that no"
                    " image's name has, as in :{image}___{tag}",
                )


def _alike(one: Home, other: Home) -> bool:
    """Whether a tag of one may be a tag of the other: a prefix begins with the other."""
    return one.path == other.path and (
        one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    )
