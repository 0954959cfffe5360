"""Build arguments that hold for a whole file: the platform's, and those before the first FROM."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hashes.dockerfile.expand import WordError, expand
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile
from hashes.errors import DockerfileError

PROXIES = frozenset(
    name
    for stem in ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    for name in (stem, stem.upper())
)
"""Reach every RUN without ARG and never count, unless a stage declares them."""

ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "armhf": "arm",
    "armel": "arm",
}
"""What other names of an architecture mean (containerd's platforms package, normalizeArch)."""
_KNOWN_ARCHES = re.compile(
    r"^(386|amd64|arm|arm64|loong64|mips|mips64|mips64le|mipsle|ppc64|ppc64le|riscv64|s390x|wasm)$"
)
_KNOWN_SYSTEMS = re.compile(
    r"^(aix|android|darwin|dragonfly|freebsd|illumos|linux|netbsd|openbsd|plan9|solaris|windows)$"
)
_PART = re.compile(r"^[A-Za-z0-9_.-]+$")
_SECRET = re.compile(r"token(?!iz)|secret|passw|credential|api_?key|private", re.IGNORECASE)
"""Says so wherever it stands in a name; TOKENIZERS_PARALLELISM is none."""
_SECRET_WORD = re.compile(r"(?:^|_)(?:auth|key|pword)(?:_|$)", re.IGNORECASE)
"""Says so as a word of its own, unless the name says public: SSH_PUBLIC_KEY is none."""


def platform(text: str) -> str:
    """Write a platform as BuildKit does, ``os/arch[/variant]``; raises `ValueError`."""
    parts = text.split("/")
    if len(parts) > 3 or not all(map(_PART.match, parts)):
        raise ValueError("expected os/arch or os/arch/variant, such as linux/amd64")
    parts = [part.lower() for part in parts]
    if len(parts) == 1:
        arch = ARCHITECTURES.get(parts[0], parts[0])
        if _KNOWN_SYSTEMS.match(parts[0]):
            return parts[0]
        if not _KNOWN_ARCHES.match(arch):
            raise ValueError("unknown operating system or architecture")
        parts = ["linux", parts[0]]
    return "/".join(part for part in normal_platform(*parts) if part)


def normal_platform(system: str, architecture: str, variant: str = "") -> tuple[str, str, str]:
    """The one spelling of a platform, as containerd has it; "" where it needs no variant."""
    arch = ARCHITECTURES.get(architecture, architecture)
    variant = variant or {"armhf": "v7", "armel": "v6"}.get(architecture, "")
    if (arch, variant) in (("arm64", "v8"), ("arm64", "8"), ("amd64", "v1")):
        variant = ""
    if arch == "arm":
        variant = f"v{variant}" if variant.isdigit() else variant or "v7"
    return system, arch, variant


def platform_args(target: str, build: str) -> dict[str, str]:
    """The arguments that BuildKit sets by itself for a target and a build platform."""
    found: dict[str, str] = {}
    for prefix, text in (("BUILD", build), ("TARGET", target)):
        system, arch, variant = (*text.split("/"), "", "")[:3]
        found[f"{prefix}PLATFORM"] = text
        found[f"{prefix}OS"] = system
        found[f"{prefix}ARCH"] = arch
        found[f"{prefix}VARIANT"] = variant
    return found


def pairs(item: Instruction) -> tuple[tuple[str, str | None], ...]:
    """An ARG instruction as names and defaults; None where there is none."""
    split = (word.partition("=") for word in item.words)
    return tuple((name, value if equals else None) for name, equals, value in split)


def global_args(
    file: Dockerfile, given: Mapping[str, str], target: str, build: str, stage: str | None = None
) -> dict[str, str]:
    """What FROM lines see, and what an ARG without a default takes its value from.

    ``stage`` is the target as the command line names it. Raises `DockerfileError` when a default
    cannot be expanded.
    """
    found = platform_args(target, build)
    # Frontend 1.11 on; where an older one leaves it unset, the key says more than it must.
    found["TARGETSTAGE"] = stage or file.stages[-1].name.lower() or "default"
    found.update((name, given[name]) for name in tuple(found) if name in given)
    for item in file.global_args:
        for name, default in pairs(item):
            if name in given:
                found[name] = given[name]
            elif default is not None:
                try:
                    found[name] = expand(default, found, escape=file.escape).text
                except WordError as error:
                    raise DockerfileError(
                        f"ARG {name}: {error}",
                        file=file.path,
                        line=item.line,
                        hint=item.shown(name),
                    ) from None
    return found


def looks_secret(name: str) -> bool:
    """Whether a variable's name says that its value is not for everybody's eyes.

    The one rule for keys and for logs. It is strict: what it hides needlessly costs a reader a
    look into images.toml.
    """
    if _SECRET.search(name):
        return True
    return bool(_SECRET_WORD.search(name)) and "public" not in name.lower()
