"""The environment of buildx: what is listed here, and nothing else of the caller's.

What it would take from the caller and put into an image, as ``SOURCE_DATE_EPOCH`` or a source
policy, would be in no key. What is listed says where the engine and its logins are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping

from hashes.dockerfile.arguments import PROXIES, pairs, platform_args
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile
from layers.host.settings import proxies
from layers.runtime.files import read_json

NAMES = frozenset(
    (
        *("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"),
        *("DOCKER_API_VERSION", "DOCKER_AUTH_CONFIG", "DOCKER_CERT_PATH", "DOCKER_CONFIG"),
        *("DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "BUILDX_CONFIG"),
        *("SSH_AUTH_SOCK", "SSL_CERT_DIR", "SSL_CERT_FILE", "DBUS_SESSION_BUS_ADDRESS"),
        *("GNUPGHOME", "GPG_AGENT_INFO", "PASSWORD_STORE_DIR", "KUBECONFIG"),
    )
)
"""Where things are; credential helpers need the rest."""

HEADS = ("LC_", "XDG_", "AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_")
"""Beginnings of names that credential helpers and locales use."""


def listed(caller: Mapping[str, str]) -> dict[str, str]:
    """What of the caller's environment buildx gets."""
    return {
        name: value
        for name, value in caller.items()
        if name in NAMES or name in PROXIES or name.startswith(HEADS)
    }


def proxy_args(dockerfile: Dockerfile, caller: Mapping[str, str]) -> dict[str, str]:
    """Build args that let RUN steps reach the network from here, and never reach the image.

    BuildKit gives them to every RUN and to no key, unless the Dockerfile declares one by ARG: then
    it can be copied by ENV, and only what images.toml says counts. The docker CLI adds those of its
    own configuration, which an empty value keeps out.
    """
    declared = set(_declared(dockerfile))
    folder = caller.get("DOCKER_CONFIG") or os.path.join(caller.get("HOME", ""), ".docker")
    configured = bool(read_json(os.path.join(folder, "config.json")).get("proxies"))
    closed = dict.fromkeys(sorted(declared), "") if configured else {}
    return {k: v for k, v in proxies(caller).items() if k not in declared} | closed


def build_platform_args(dockerfile: Dockerfile, machine: str) -> dict[str, str]:
    """The build args that say which platform builds, as far as a Dockerfile asks for them."""
    words = [word for stage in dockerfile.stages for word in (stage.base, stage.platform or "")]
    words += (word for item in _args(dockerfile) for word in item.words)
    known = platform_args(machine, machine)
    return {
        name: value
        for name, value in known.items()
        if name.startswith("BUILD") and any(name in word for word in words)
    }


def _args(dockerfile: Dockerfile) -> Iterator[Instruction]:
    stages = (item for stage in dockerfile.stages for item in stage.instructions)
    return (item for item in (*dockerfile.global_args, *stages) if item.keyword == "ARG")


def _declared(dockerfile: Dockerfile) -> Iterable[str]:
    for item in _args(dockerfile):
        yield from (name for name, _ in pairs(item) if name in PROXIES)
