"""Packages of an image with their sizes, as the package managers' own lists have them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from layers.engine.containers import ContainerError, Containers
from layers.htmlreport.findings import Package

_DPKG = ("/var/lib/dpkg/status", "/var/lib/dpkg/status.d")
_APK = ("/lib/apk/db/installed", "/usr/lib/apk/db/installed")
_RECORDS = (
    "find / -xdev -type f -path '*.dist-info/RECORD' -exec awk -F, "
    "'{ sum[FILENAME] += $NF } END { for (name in sum) print sum[name], name }' {} +"
)
"""Sums the last column of each RECORD: bytes of a file (PEP 376)."""
_PATIENCE = 120.0
"""Seconds to look through an image of many files."""


def packages(containers: Containers, image: str) -> tuple[Package, ...]:
    """What dpkg, apk and pip know of, largest first.

    Nothing of the image's runs but ``find`` and ``awk``, without a network; in an image that has
    neither, pip's packages are left out.  Raises what `Containers` does.
    """
    databases = containers.files(image, (*_DPKG, *_APK), lambda path: not path.endswith("md5sums"))
    found: dict[tuple[str, str, str], Package] = {}
    for path, content in databases.items():
        text = content.decode("utf-8", "replace")
        for each in apk(text) if path in _APK else dpkg(text):
            found[each[:3]] = each
    for each in pip(_sums(containers, image)):
        found.setdefault(each[:3], each)
    return tuple(sorted(found.values(), key=lambda each: (-each.size, each)))


def dpkg(text: str) -> Iterator[Package]:
    """Paragraphs of dpkg's status file; ``Installed-Size`` is in KiB (deb-substvars(5))."""
    for paragraph in re.split(r"\n{2,}", text):
        pattern = r"^(Package|Version|Status|Installed-Size): (.*)$"
        fields = dict(re.findall(pattern, paragraph, re.MULTILINE))
        status = fields.get("Status", "install ok installed").split()
        size = fields.get("Installed-Size", "").strip()
        if {"Package", "Version"} <= fields.keys() and status[-1:] == ["installed"]:
            count = 1024 * int(size) if size.isdigit() else 0
            yield Package("dpkg", fields["Package"].strip(), fields["Version"].strip(), count)


def apk(text: str) -> Iterator[Package]:
    """Paragraphs of apk's database: one letter, a colon, a value; ``I`` is in bytes."""
    for paragraph in re.split(r"\n{2,}", text):
        fields = dict(re.findall(r"^([PVI]):(.*)$", paragraph, re.MULTILINE))
        if {"P", "V"} <= fields.keys():
            size = fields.get("I", "0")
            yield Package("apk", fields["P"], fields["V"], int(size) if size.isdigit() else 0)


def pip(sums: str) -> Iterator[Package]:
    """Lines of bytes and the path of a RECORD, whose folder is ``NAME-VERSION.dist-info``."""
    for size, path in re.findall(r"^(\d+) (/.*/RECORD)$", sums, re.MULTILINE):
        folder = posixpath.basename(posixpath.dirname(path)).removesuffix(".dist-info")
        name, _, version = folder.rpartition("-")
        if name:
            yield Package("pip", name.replace("_", "-").lower(), version, int(size))


def _sums(containers: Containers, image: str) -> str:
    argv = ["sh", "-c", _RECORDS]
    try:
        ran = containers.run(image, argv, network="none", timeout=_PATIENCE, user="0")
    except ContainerError:  # no shell
        return ""
    return ran.output
