"""Packages and their sizes, out of the lists that package managers keep."""

from __future__ import annotations

import pytest

from layers.htmlreport.findings import Package
from layers.htmlreport.packages import apk, dpkg, packages, pip
from tests.fakes_containers import MemoryContainers, MemoryImage, said

STATUS = """\
Package: libc6
Status: install ok installed
Installed-Size: 13000
Version: 2.36-9

Package: gone
Status: deinstall ok config-files
Installed-Size: 5
Version: 1

Package: tzdata
Status: install ok installed
Version: 2024a
"""
INSTALLED = "P:musl\nV:1.2.4-r2\nI:638976\n\nP:busybox\nV:1.36\n"
SUMS = """\
1234567 /usr/lib/python3/site-packages/Flask_Login-0.6.3.dist-info/RECORD
88 /opt/venv/lib/python3.12/site-packages/torch-2.1.0+cu118.dist-info/RECORD
awk: warning
"""


def test_dpkg_counts_in_kib_and_what_is_removed_is_not_there() -> None:
    """A package may tell no size."""
    assert list(dpkg(STATUS)) == [
        Package("dpkg", "libc6", "2.36-9", 13000 * 1024),
        Package("dpkg", "tzdata", "2024a", 0),
    ]


def test_apk_counts_in_bytes() -> None:
    """One letter a field."""
    assert list(apk(INSTALLED)) == [
        Package("apk", "musl", "1.2.4-r2", 638976),
        Package("apk", "busybox", "1.36", 0),
    ]


def test_pip_packages_are_named_by_their_folders() -> None:
    """What is no sum is passed over."""
    assert list(pip(SUMS)) == [
        Package("pip", "flask-login", "0.6.3", 1234567),
        Package("pip", "torch", "2.1.0+cu118", 88),
    ]


@pytest.mark.parametrize(
    ("shell", "names"),
    [(True, ["libc6", "flask-login", "torch", "tzdata"]), (False, ["libc6", "tzdata"])],
)
def test_the_largest_stand_first_and_an_image_without_a_shell_has_no_pip(
    shell: bool, names: list[str]
) -> None:
    """Nothing of the image's own is asked but a shell with find and awk, without a network."""
    image = MemoryImage({"/var/lib/dpkg/status": STATUS.encode()}, programs={})
    if shell:
        image.programs["sh"] = lambda _call: said(SUMS)
    containers = MemoryContainers({"app:1": image})
    assert [each.name for each in packages(containers, "app:1")] == names
    assert {call.network for call in containers.calls} <= {"none"}
