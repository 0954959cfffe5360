"""Ownership: which names in engine and registry are of this project, in any of its versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from hashes.errors import LayersError
from layers.config.spec import Spec
from layers.config.toml import read
from layers.lock.mirror import Mirror
from layers.oci.reference import BadReference, Reference
from layers.oci.template import DEFAULT_REPOSITORY, BadTemplate, Template
from layers.plan.names import LABEL_PROJECT

FOREIGN = "it is not of this project"
"""Why something stays."""


@dataclass(frozen=True)
class Owner:
    """What the tags are of that begin in one way, in a repository of the registry."""

    image: str
    mirror: bool = False
    """True for copies of an upstream image."""


Owners = Mapping[str, Owner]
"""By what tags begin with; empty: the repository is for this one alone."""


def owner_of(owners: Owners, tag: str) -> tuple[str, Owner] | None:
    """What a tag of a repository is of, with what it begins with; None: nothing of ours."""
    found = max((each for each in owners if tag.startswith(each)), key=len, default=None)
    return None if found is None else (found, owners[found])


@dataclass(frozen=True)
class Owned:
    """Names of ours."""

    project: str
    """Its own, as images are labelled with it."""
    images: frozenset[str] = frozenset()
    """Images of the project."""
    local: frozenset[str] = frozenset()
    """Repositories in the engine, with their host, as ``docker.io/library/snowboard-pose``."""
    remote: Mapping[str, Owners] = field(default_factory=dict)
    """Repositories in the registry, and what of them is ours."""

    def claims(self, labels: Mapping[str, str]) -> bool:
        """Whether an image with these labels may be of this project, whatever its names.

        Two projects may have images of one name; one without the label was built before there was
        one, or by hand, and goes by its names alone.
        """
        return labels.get(LABEL_PROJECT, self.project) == self.project

    def owns(self, name: str, labels: Mapping[str, str] = MappingProxyType({})) -> bool:
        """Whether a name in the engine is of this project, with a tag or a digest.

        Where several are in one repository, a digest is, if the image's ``labels`` say so.
        """
        reference = _reference(name)
        if reference is None:
            return False
        if reference.name in self.local:
            return True
        owners = self.remote.get(reference.name, {})
        if reference.digest and "" not in owners:
            return bool(owners) and labels.get(LABEL_PROJECT) == self.project
        found = owner_of(owners, reference.tag)
        return found is not None and not found[1].mirror

    def tag(self, name: str) -> str:
        """The tag of a name in the engine, without what the registry needs to tell images apart."""
        reference = Reference.parse(name)
        found = owner_of(self.remote.get(reference.name, {}), reference.tag)
        return reference.tag.removeprefix(found[0]) if found else reference.tag


def owned(
    specs: Iterable[Spec], files: Iterable[str], locks: Iterable[str], host: str | None
) -> Owned:
    """What the specs name, and the same files and locks on other branches, as far as they can be
    read; ``host`` is where images go, None for nowhere.
    """
    specs = list(specs)
    project = specs[0].project
    images = {
        (image.name, image.tag, image.repository or spec.repository)
        for spec in specs
        for image in spec.images.values()
    }
    shared = {spec.repository for spec in specs}
    for table in map(_table, files):
        if _mapping(table, "project").get("name") == project:
            templates = _templates(table)
            shared |= templates
            images.update(_images(table, templates))
    upstreams = {name for text in locks for name in _mapping(_table(text), "upstream")}
    references = [found for name in upstreams if (found := _reference(name))]
    local = [_reference(tag) for _, tag, _ in images]
    names = {name for name, _, _ in images}
    remote: dict[str, dict[str, Owner]] = defaultdict(dict)
    if host:
        for mirror in (Mirror(host, project, text) for text in shared if _template(text)):
            for each in references:
                remote[mirror.of(each)][mirror.prefix(each)] = Owner("upstream", mirror=True)
        for name, _, text in images:
            if template := _template(text):
                home = template.home(project, name)
                remote[f"{host}/{home.path}"][home.prefix] = Owner(name)
    return Owned(
        project,
        frozenset(names),
        frozenset(found.name for found in local if found),
        dict(remote),
    )


def _images(data: Mapping[str, Any], templates: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Name, tag and where it may be in the registry, of every image of a file's text."""
    for table in (data, *_profiles(data)):
        for name, image in _mapping(table, "images").items():
            about = image if isinstance(image, dict) else {}
            for template in [about["repository"]] if "repository" in about else templates:
                yield name, str(about.get("tag", name)), str(template)


def _templates(data: Mapping[str, Any]) -> set[str]:
    tables = (_mapping(data, "project"), *_profiles(data))
    return {str(table.get("repository", DEFAULT_REPOSITORY)) for table in tables}


def _profiles(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in _mapping(data, "profiles").values() if isinstance(one, dict)]


def _template(text: str) -> Template | None:
    try:
        return Template.parse(text)
    except BadTemplate:
        return None


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
