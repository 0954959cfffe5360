"""The inventory: which packages an image holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from layers.engine.containers import ContainerError, Containers

_DPKG = "/var/lib/dpkg/status"
_DPKG_PARTS = "/var/lib/dpkg/status.d"
"""Where images without dpkg itself (distroless) keep a file for each package."""
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_SYSTEM_PYTHON = "/usr/lib/python3/dist-packages/"
"""What lies there belongs to packages of dpkg's."""
_PYTHONS = ("/usr/local/lib", "/opt/venv/lib", "/venv/lib", "/app/.venv/lib", "/app/venv/lib")
"""Where to look in images without a shell."""
_SEARCH = (
    "find / -xdev -type f -path '*.dist-info/METADATA'"
    " -exec grep -H -m 2 -E '^(Name|Version): ' {} +"
)
_PATIENCE = 300.0  # seconds to look through an image of many files


@dataclass(frozen=True, order=True)
class Package:
    """One installed package."""

    manager: str
    """``apk``, ``dpkg`` or ``pip``."""
    name: str
    version: str


def read_inventory(
    containers: Containers, image: str, network: str = "none"
) -> tuple[Package, ...]:
    """All packages of ``image`` that dpkg, apk and pip know of, sorted, each version once.

    Nothing of the image's is imported or trusted to run but ``find`` and ``grep``, which look for
    Python packages in every virtual environment; in an image without them the usual places are
    read (`_PYTHONS`). Raises what `Containers` does.
    """
    paths = (_DPKG, _DPKG_PARTS, *_APK)
    databases = containers.files(image, paths, lambda path: not path.endswith(".md5sums"))
    found: set[Package] = set()
    for path, content in databases.items():
        text = content.decode("utf-8", "replace")
        found.update(_apk(text) if path in _APK else _dpkg(text))
    found.update(_pip(_metadata(containers, image, network)))
    return tuple(sorted(found))


def _dpkg(text: str) -> Iterator[Package]:
    """Paragraphs of dpkg's status file; what was removed and left its settings is not there."""
    for paragraph in re.split(r"\n{2,}", text):
        fields = dict(re.findall(r"^(Package|Version|Status): (.*)$", paragraph, re.MULTILINE))
        status = fields.get("Status", "install ok installed").split()
        if "Package" in fields and "Version" in fields and status[-1:] == ["installed"]:
            yield Package("dpkg", fields["Package"].strip(), fields["Version"].strip())


def _apk(text: str) -> Iterator[Package]:
    """Paragraphs of apk's database: one letter, a colon, a value."""
    for paragraph in re.split(r"\n{2,}", text):
        fields = dict(re.findall(r"^([PV]):(.*)$", paragraph, re.MULTILINE))
        if len(fields) == 2:
            yield Package("apk", fields["P"], fields["V"])


def _pip(metadata: Iterable[tuple[str, str, str]]) -> Iterator[Package]:
    """Packages out of (path, field, value); the first of each field counts (PEP 566)."""
    from packaging.utils import canonicalize_name

    found: dict[str, dict[str, str]] = {}
    for path, name, value in metadata:
        if not path.startswith(_SYSTEM_PYTHON):
            found.setdefault(path, {}).setdefault(name, value.strip())
    for fields in found.values():
        if len(fields) == 2:
            yield Package("pip", canonicalize_name(fields["Name"]), fields["Version"])


def _metadata(containers: Containers, image: str, network: str) -> list[tuple[str, str, str]]:
    try:
        ran = containers.run(
            image, ["sh", "-c", _SEARCH], network=network, timeout=_PATIENCE, user="0"
        )
    except ContainerError:
        ran = None  # no shell
    if ran is not None and ran.status in (0, 1) and "grep" not in ran.errors:
        return re.findall(r"^(/.*?/METADATA):(Name|Version): (.*)$", ran.output, re.MULTILINE)
    held = containers.files(image, _PYTHONS, lambda path: path.endswith(".dist-info/METADATA"))
    return [
        (path, name, value)
        for path, content in held.items()
        for name, value in re.findall(
            r"^(Name|Version): (.*)$", content.decode("utf-8", "replace"), re.MULTILINE
        )
    ]
