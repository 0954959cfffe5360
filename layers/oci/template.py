"""Templates of repositories: where in a registry an image goes, what its tags begin with there."""

from __future__ import annotations

import re
from typing import NamedTuple

from hashes.errors import LayersError, did_you_mean
from layers.oci.reference import is_tag, repository_fault

DEFAULT_REPOSITORY = "{project}/{image}"
_BRACES = re.compile(r"\{([^{}]*)\}")
_NAMES = ("project", "image", "tag")
_TAG = "{tag}"


class BadTemplate(LayersError):
    """A text that does not say where images go."""


class Home(NamedTuple):
    """Where one image is."""

    path: str
    """Of the repository, below the registry."""
    prefix: str = ""
    """What all its tags begin with; empty where the repository is the image's alone."""


class Template(NamedTuple):
    """``PATH`` or ``PATH:PREFIX{tag}`` with ``{project}`` and ``{image}`` in it."""

    path: str
    prefix: str = ""

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read one.  Raises BadTemplate."""
        for name in _BRACES.findall(text):
            if name not in _NAMES:
                known = ", ".join(f"{{{each}}}" for each in _NAMES)
                guess = did_you_mean(name, _NAMES)
                raise BadTemplate(f"unknown placeholder {{{name}}}{guess}", hint=f"known: {known}")
        if set("{}") & set(_BRACES.sub("", text)):
            raise BadTemplate(f"{text!r} has a brace too many")
        if any(one.isspace() for one in text):
            raise BadTemplate(f"{text!r} has a blank in it")
        path, colon, tag = text.partition(":")
        if _TAG in path:
            raise BadTemplate(
                f"{text!r}: {_TAG} belongs behind a colon", hint=f"such as all:{{image}}.{_TAG}"
            )
        if fault := repository_fault(_BRACES.sub("x", path)):
            raise BadTemplate(f"{path!r}: {fault}")
        if colon and (not tag.endswith(_TAG) or tag.count(_TAG) > 1):
            raise BadTemplate(
                f"{text!r}: what is behind the colon must end with {_TAG}",
                hint=f"a key, and what `doit publish --tag` names: {path}:{{image}}.{_TAG}",
            )
        prefix = tag.removesuffix(_TAG)
        if prefix and not is_tag(_BRACES.sub("x", prefix)):
            raise BadTemplate(
                f"{prefix!r}: expected letters, digits, '_', '.' and '-', not starting with '.'"
                " or '-'"
            )
        return cls(path, prefix)

    def home(self, project: str, image: str) -> Home:
        """Where an image of a project goes."""

        def filled(text: str) -> str:
            return text.replace("{project}", project).replace("{image}", image)

        return Home(filled(self.path), filled(self.prefix))

    def copies(self, project: str, upstream: str) -> Home:
        """Where copies of an upstream go, by its path; by default below ``PROJECT/upstream/``.

        Elsewhere as an image called ``upstream__library__debian``, as deep as any other.
        """
        name = f"upstream/{upstream}"
        if self != _DEFAULT:
            name = name.replace("/", "__")
        return self.home(project, name)


_DEFAULT = Template.parse(DEFAULT_REPOSITORY)
