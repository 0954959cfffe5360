"""Image references: what a Dockerfile or a registry calls an image.

Grammar and defaults are those of github.com/distribution/reference (normalize.go, regexp.go).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hashes.errors import LayersError

HUB = "docker.io"
_HUB_BEFORE = "index.docker.io"
_OFFICIAL = "library/"
_LONGEST_REPOSITORY = 255
_HEX_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
LONGEST_TAG = 128
"""Characters (distribution-spec, "Pulling manifests")."""


class BadReference(LayersError):
    """A text that is not an image reference."""


class Reference(NamedTuple):
    """Names an image in full; ``base-node`` and ``docker.io/library/base-node:latest`` are one."""

    registry: str
    """Host, with its port if it has one; ``docker.io`` where the text names none."""
    repository: str
    """Path below the registry, such as ``library/node``."""
    tag: str = ""
    """Empty only where a digest says it all; ``latest`` where the text has neither."""
    digest: str = ""
    """``sha256:…``, or empty: whatever the tag points at."""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read any spelling that a ``FROM`` takes; the exact inverse of ``str`` and `familiar`."""
        if len(text) == 64 and not set(text) - set("0123456789abcdef"):
            raise BadReference(f"reference {text!r}: an image id is no name; expected name[:tag]")
        named, at, digest = text.partition("@")
        registry, rest = _split(named)
        repository, colon, tag = rest.partition(":")
        if not re.fullmatch(_REGISTRY, registry):
            raise BadReference(f"reference {text!r}: {registry!r} is no host or host:port")
        if not re.fullmatch(_REPOSITORY, repository):
            raise BadReference(f"reference {text!r}: {_repository_fault(repository)}")
        if len(repository) > _LONGEST_REPOSITORY:
            raise BadReference(
                f"reference {text!r}: the name has {len(repository)} characters,"
                f" {_LONGEST_REPOSITORY} are the most"
            )
        if colon and not is_tag(tag):
            raise BadReference(
                f"reference {text!r}: tag {tag!r}: expected up to 128 letters, digits,"
                " '_', '.' and '-', not starting with '.' or '-'"
            )
        if at and not _is_digest(digest):
            raise BadReference(
                f"reference {text!r}: digest {digest!r}: expected 'sha256:' and 64 hex digits"
            )
        return cls(registry, repository, tag or ("" if digest else "latest"), digest)

    def __str__(self) -> str:
        """The full text, such as ``docker.io/library/node:18-alpine``."""
        return f"{self.name}{self._suffix()}"

    @property
    def normal(self) -> str:
        """The full text: equal for every spelling of one reference."""
        return str(self)

    def untagged(self) -> str:
        """The familiar text without tag and digest, such as ``snowboard-base-node``."""
        return Reference(self.registry, self.repository).familiar()

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def familiar(self) -> str:
        """The text that people write: ``node:18-alpine``, with ``docker.io`` left out."""
        if self.registry != HUB:
            return str(self)
        short = self.repository
        if short.startswith(_OFFICIAL) and "/" not in short[len(_OFFICIAL) :]:
            short = short[len(_OFFICIAL) :]
        if _split(short) != (HUB, self.repository):  # docker.io/a.b/c must keep its registry
            return str(self)
        return f"{short}{self._suffix()}"

    def with_digest(self, digest: str) -> Reference:
        """The same image, held fast: repository and digest, without the tag that may move."""
        return Reference(self.registry, self.repository, "", digest)

    def matches(self, plain: str) -> bool:
        """Whether this is what the plain name ``plain`` (no tag: ``latest``) means."""
        return self == Reference.parse(plain)

    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def is_tag(text: str) -> bool:
    """Whether a text can be a tag (distribution-spec, "Pull")."""
    return re.fullmatch(_TAG, text) is not None


def is_registry(text: str) -> bool:
    """Whether a text is ``host[:port][/path]`` and its host cannot be taken for a path."""
    host, slash, path = text.partition("/")
    if _split(f"{host}/x/y") != (host, "x/y") or not re.fullmatch(_REGISTRY, host):
        return False
    return not slash or bool(re.fullmatch(_REPOSITORY, path))


def _split(text: str) -> tuple[str, str]:
    """Registry and the rest, by Docker's rule of what looks like a host (splitDockerDomain)."""
    host, slash, rest = text.partition("/")
    if not slash:
        return HUB, _OFFICIAL + text
    if host == _HUB_BEFORE:
        host = HUB
    elif host != "localhost" and not set(host) & set(".:") and host == host.lower():
        host, rest = HUB, text
    if host == HUB and "/" not in rest:
        rest = _OFFICIAL + rest
    return host, rest


def _is_digest(text: str) -> bool:
    algorithm, _, digits = text.partition(":")
    return _HEX_LENGTHS.get(algorithm) == len(digits) and not set(digits) - set("0123456789abcdef")


def repository_fault(path: str) -> str:
    """What is wrong with a text as the path of a repository; empty: nothing."""
    if re.fullmatch(_REPOSITORY, path):
        return ""
    return _repository_fault(path)


def _repository_fault(repository: str) -> str:
    shown = repository.removeprefix(_OFFICIAL)
    if repository != repository.lower():
        return f"name {shown!r} must be in lower case"
    return (
        f"name {shown!r}: expected lower-case letters and digits, joined by one '.', '_', '__'"
        " or '-', in parts joined by '/'"
    )


def is_loopback(host: str) -> bool:
    """Whether ``host[:port]`` is this machine itself: such registries speak http, as in Docker."""
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    numbers = name.split(".")
    return name in ("localhost", "::1") or (
        numbers[0] == "127" and len(numbers) == 4 and all(one.isdecimal() for one in numbers)
    )
