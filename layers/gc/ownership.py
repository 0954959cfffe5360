"""Ownership: which names in engine and registry are of this project, in any of its versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hashes.errors import LayersError
from layers.config.spec import Spec
from layers.config.toml import read
from layers.lock.mirror import Place
from layers.oci.reference import BadReference, Reference
from layers.plan.names import LABEL_PROJECT


@dataclass(frozen=True)
class Owned:
    """Names of ours."""

    project: str
    """Its own, as images are labelled with it."""
    images: frozenset[str] = frozenset()
    """Images of the project."""
    local: frozenset[str] = frozenset()
    """Repositories in the engine, with their host, as ``docker.io/library/snowboard-pose``."""
    remote: Mapping[str, str] = field(default_factory=dict)
    """Repositories in the registry → the image that they are for."""
    mirrors: frozenset[str] = frozenset()
    """Repositories in the registry that hold copies of upstream images."""

    def claims(self, labels: Mapping[str, str]) -> bool:
        """Whether an image with these labels may be of this project, whatever its names.

        Two projects may have images of one name; one without the label was built before there was
        one, or by hand, and goes by its names alone.
        """
        return labels.get(LABEL_PROJECT, self.project) == self.project

    def owns(self, name: str) -> bool:
        """Whether a name in the engine is of this project, with a tag or a digest."""
        try:
            repository = Reference.parse(name).name
        except BadReference:
            return False
        return repository in self.local or repository in self.remote


def owned(
    specs: Iterable[Spec], files: Iterable[str], locks: Iterable[str], host: str | None
) -> Owned:
    """What the specs name, and the same files and locks on other branches, as far as they can be
    read; ``host`` is where images go, None for nowhere.
    """
    specs = list(specs)
    project = specs[0].project
    plain: dict[str, set[str]] = {}
    for spec in specs:
        for image in spec.images.values():
            plain.setdefault(image.name, set()).add(image.tag)
    for text in files:
        for name, tag in _images(_table(text), project):
            plain.setdefault(name, set()).add(tag)
    upstreams = {name for text in locks for name in _mapping(_table(text), "upstream")}
    references = [found for name in upstreams if (found := _reference(name))]
    local = [_reference(tag) for tags in plain.values() for tag in tags]
    return Owned(
        project,
        frozenset(plain),
        frozenset(found.name for found in local if found),
        {f"{host}/{project}/{name}": name for name in plain} if host else {},
        frozenset(Place(host, project).of(each) for each in references) if host else frozenset(),
    )


def _images(data: Mapping[str, Any], project: str) -> Iterator[tuple[str, str]]:
    if _mapping(data, "project").get("name") != project:
        return
    profiles = _mapping(data, "profiles").values()
    for table in (data, *(one for one in profiles if isinstance(one, dict))):
        for name, image in _mapping(table, "images").items():
            tag = image.get("tag", name) if isinstance(image, dict) else name
            yield name, str(tag)


def _table(text: str) -> Mapping[str, Any]:
    try:
        return read(text, "images.toml")
    except LayersError:  # a version that was never whole, such as one with conflict marks
        return {}


def _mapping(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}


def _reference(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except BadReference:
        return None
