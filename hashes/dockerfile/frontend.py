"""Frontends: the versions of BuildKit's Dockerfile language, and which of them reads a file."""

from __future__ import annotations

import re
from typing import NamedTuple

Version = tuple[int, int]


class Feature(NamedTuple):
    """Something that not every version of the language has."""

    name: str
    """As messages say it."""
    stable: Version
    labs: Version | None = None
    """The first ``-labs`` release that has it, where that came earlier."""

    def __str__(self) -> str:
        version = ".".join(map(str, self.stable))
        if self.stable < NEVER:
            return f"{self.name} needs frontend {version} (BuildKit 0.{self.stable[1] + 6})"
        return f"{self.name} needs a -labs frontend"


class Frontend(NamedTuple):
    """One version of the language: what a Dockerfile may hold, and what it means."""

    version: Version
    labs: bool = False
    """A ``-labs`` release: it has what is still tried out."""

    def has(self, feature: Feature) -> bool:
        """Whether it knows a feature."""
        early = self.labs and feature.labs is not None and self.version >= feature.labs
        return early or self.version >= feature.stable

    def __str__(self) -> str:
        return ".".join(map(str, self.version)) + ("-labs" if self.labs else "")


NEWEST = Frontend((1, 26))
"""The newest that this module knows; whoever cannot ask an engine reads with it."""
ANY = Frontend((1, 1 << 16), labs=True)
"""Knows everything: an image of somebody's own in ``# syntax``, of which nothing is known."""
NEVER: Version = (1, 1 << 15)
"""The version of what is in no stable release."""

# Versions are those of the reference's tables and of the sources' tags (moby/buildkit), unless
# another place is named; all but the last four were tried on docker 26.1.5 and 28.5.2.
CHECK_DIRECTIVE = Feature("'# check=' before '# escape='", (1, 8))
CHECKS = Feature("--call=check", (1, 8))
PATHS_LIKE_GIT = Feature("a path such as a/b.git", (1, 8))
"""Before, it read as https://a/b.git (buildkit 8144ab88e)."""
WHOLE_JSON = Feature("a JSON form with something behind it", (1, 9))
"""Before, what stood behind the ``]`` was dropped without a word."""
SECRET_ENV = Feature("a mount's env=", (1, 10))
BLANK_HEREDOC = Feature("a heredoc with a blank behind '<<'", (1, 16))
GIT_CHECKSUM = Feature("--checksum of a git repository", (1, 17))
GIT_QUERY = Feature("a git address with '?ref=…'", (1, 18))
EXCLUDE = Feature("--exclude", (1, 19), (1, 7))
UNPACK = Feature("--unpack", (1, 17))
PARENTS = Feature("--parents", (1, 20), (1, 7))
SECURITY = Feature("--security", (1, 20), (1, 1))
DEVICE = Feature("--device", NEVER, (1, 14))
REQUIRED_PARENTS = Feature("an error for a missing source of --parents", (1, 20))
"""Before, ``COPY --parents missing /x`` copied nothing (buildkit ac10b4193)."""
ESCAPED_FLAGS = Feature("the escape sign of '# escape=' in flags", (1, 15))
"""Before, flags knew the backslash alone."""

_OF_DOCKER: dict[Version, Version] = {
    (20, 10): (1, 2),
    (23, 0): (1, 4),
    (24, 0): (1, 5),
    (25, 0): (1, 6),
    (26, 0): (1, 7),
    (27, 0): (1, 8),
    (27, 1): (1, 9),
    (27, 3): (1, 10),
    (27, 4): (1, 11),
    (27, 5): (1, 12),
    (28, 0): (1, 14),
    (28, 1): (1, 15),
    (28, 2): (1, 16),
    (28, 3): (1, 17),
    (28, 4): (1, 18),
    (28, 5): (1, 19),
    (29, 1): (1, 20),
    (29, 2): (1, 21),
    (29, 3): (1, 22),
    (29, 4): (1, 23),
    (29, 5): (1, 24),
    (29, 6): (1, 25),
    (29, 7): (1, 26),
}
"""What a release of the engine first brought (go.mod of moby/moby at its tags)."""

_NUMBERS = r"^v?(\d+)\.(\d+)"
_TAG = r"^(\d+)(?:\.(\d+))?(?:\.\d+)?(?:-(labs|experimental|rc\d+))?(-labs)?$"


def of_buildkit(version: str) -> Frontend | None:
    """What a BuildKit brings, by its version: ``v0.25.2`` reads 1.19; None: it says nothing.

    Debian's engines call theirs ``v0.0.0+unknown``.
    """
    match = re.match(_NUMBERS, version)
    if match is None or match[1] != "0" or int(match[2]) < 7:
        return None
    # BuildKit 0.N and docker/dockerfile:1.(N-6) are one commit, from 0.9 to 0.32 at least.
    return Frontend((1, int(match[2]) - 6))


def of_docker(version: str) -> Frontend | None:
    """What a Docker engine brings, by its version: ``28.5.2`` reads 1.19; None: older than all."""
    match = re.match(_NUMBERS, version)
    if match is None:
        return None
    wanted = (int(match[1]), int(match[2]))
    found = [frontend for since, frontend in _OF_DOCKER.items() if since <= wanted]
    return Frontend(max(found)) if found else None


def of_syntax(reference: str) -> Frontend:
    """What an image of a ``# syntax`` line reads: ``docker/dockerfile:1.7-labs``.

    A tag that moves is the newest; an image that is not Docker's may know anything.
    """
    name, _, _ = reference.partition("@")
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository, tag = name, "latest"
    if repository.rpartition("/")[2] not in ("dockerfile", "dockerfile-upstream"):
        return ANY
    if tag in ("latest", "master"):
        return NEWEST
    match = re.match(_TAG, tag)
    if match is None or match[1] != "1" or match[3] == "experimental":
        return ANY
    labs = "labs" in (match[3], (match[4] or "").lstrip("-"))
    version = (1, int(match[2])) if match[2] else NEWEST.version
    return Frontend(version, labs)


def named(text: str) -> Frontend | None:
    """Read a version as people write it, ``1.19`` or ``1.7-labs``; None: it is none."""
    match = re.match(r"^1\.(\d+)(-labs)?$", text)
    return Frontend((1, int(match[1])), bool(match[2])) if match else None
