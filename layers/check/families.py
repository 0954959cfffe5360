"""Families: what an upstream's name tells of the system in it."""

from __future__ import annotations

import re
from typing import NamedTuple

from layers.check.subject import Root

_UBUNTU = re.compile(r"ubuntu|\bnvidia/cuda|\brocm/|jammy|focal|bionic|noble", re.IGNORECASE)
_ALPINE = re.compile(r"alpine", re.IGNORECASE)
_DEBIAN = re.compile(
    r"debian|bookworm|bullseye|buster|trixie|slim|^(?:docker\.io/)?(?:library/)?(?:python|node)\b"
)
_PYTHON = re.compile(r"(?:^|/)python:(\d+\.\d+)")
_RELEASES = (
    ("ubuntu18.04|ubuntu:18.04|bionic", "3.6"),
    ("ubuntu20.04|ubuntu:20.04|focal", "3.8"),
    ("ubuntu22.04|ubuntu:22.04|jammy", "3.10"),
    ("ubuntu24.04|ubuntu:24.04|noble", "3.12"),
    ("debian:11|bullseye", "3.9"),
    ("debian:12|bookworm", "3.11"),
    ("debian:13|trixie", "3.13"),
)
"""The Python that each release's own packages bring (packages.debian.org, packages.ubuntu.com)."""
_BLANK = re.compile(
    r"^(?:[\w.-]+(?::\d+)?/)*(?:ubuntu|debian|alpine|python|node|nvidia/cuda|cuda|nginx|busybox"
    r"|buildpack-deps|fedora|rockylinux|almalinux|golang|rust|scratch)(?:[:@]|$)"
)


def family(root: Root) -> str:
    """``ubuntu``, ``debian``, ``alpine`` or, where the name does not tell, empty."""
    if root.system:
        return "debian"
    if _ALPINE.search(root.name):
        return "alpine"
    if _UBUNTU.search(root.name):
        return "ubuntu"
    return "debian" if _DEBIAN.search(root.name) else ""


_CODENAMES = {
    "10": "buster",
    "11": "bullseye",
    "12": "bookworm",
    "13": "trixie",
    "xenial": "16.04",
    "bionic": "18.04",
    "focal": "20.04",
    "jammy": "22.04",
    "noble": "24.04",
}
"""Debian's releases are called by their name here, Ubuntu's by their number."""
_OFFICIAL = re.compile(r"^(?:docker\.io/)?(?:library/)?(debian|ubuntu)(?::([\w.-]+))?(?:@|$)")
_CUDA = re.compile(r"(?:^|/)nvidia/cuda:\S*?ubuntu(\d\d\.?\d\d)")


class Ground(NamedTuple):
    """The system of a base, as far as its name tells."""

    family: str
    """As `family` says."""
    release: str
    """``bookworm``, ``22.04``; empty: not known."""
    plain: bool
    """Whether it surely is the distribution's own image, and holds its packages alone."""


def ground(root: Root) -> Ground:
    """What is known of a base's system."""
    match = _OFFICIAL.match(root.name)
    if match:
        first = (match[2] or "").partition("-")[0]
        name = first.partition(".")[0] if match[1] == "debian" else first
        known = _CODENAMES.get(name, name)
        release = known if known in _CODENAMES.values() else ""
        return Ground(match[1], release, True)
    cuda = _CUDA.search(root.name)
    if cuda:
        number = cuda[1] if "." in cuda[1] else f"{cuda[1][:2]}.{cuda[1][2:]}"
        return Ground("ubuntu", number, False)
    return Ground(family(root), "", False)


def blank(root: Root) -> bool:
    """Whether a base surely brings no Python packages beyond its distribution's own."""
    return root.system or bool(_BLANK.match(root.name))


def python_of(root: Root, env: dict[str, str]) -> str:
    """The version of Python in a base, such as ``3.10``; empty: not known.

    ``PYTHON_VERSION`` is set by the official images (docker-library/python).
    """
    if version := env.get("PYTHON_VERSION"):
        return ".".join(version.split(".")[:2])
    if match := _PYTHON.search(root.name):
        return match[1]
    return next((known for names, known in _RELEASES if re.search(names, root.name)), "")
