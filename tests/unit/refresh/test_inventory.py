"""The inventory knows what dpkg, apk and pip have installed in an image."""

from __future__ import annotations

import pytest

from layers.engine.containers import Ran
from layers.engine.engine import EngineDown
from layers.refresh.inventory import Package, read_inventory
from tests.fakes_containers import Call, MemoryContainers, MemoryImage, said

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u9
Description: GNU C Library
 Package: not a field
 .
 Version: nor this

Package: gone
Status: deinstall ok config-files
Version: 1.0

Package: held
Status: hold ok installed
Version: 1:2.0-1
"""
APK = "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nF:lib\n\nP:zlib\nV:1.3.1-r0\n\n"
FOUND = """\
/opt/venv/lib/python3.11/site-packages/Foo_Bar-1.0.dist-info/METADATA:Name: Foo_Bar
/opt/venv/lib/python3.11/site-packages/Foo_Bar-1.0.dist-info/METADATA:Version: 1.0
/srv/app/venv/lib/python3.12/site-packages/foo.bar-2.0.dist-info/METADATA:Version: 2.0
/srv/app/venv/lib/python3.12/site-packages/foo.bar-2.0.dist-info/METADATA:Name: foo.bar
/usr/lib/python3/dist-packages/pip-23.dist-info/METADATA:Name: pip
/usr/lib/python3/dist-packages/pip-23.dist-info/METADATA:Version: 23
/broken/x.dist-info/METADATA:Name: x
"""


def inventory(files: dict[str, str], shell: Ran | None = None) -> list[str]:
    """Packages of an image with these files, as text; ``shell`` answers the search."""
    programs = {"sh": lambda call: shell} if shell else {}
    image = MemoryImage({path: text.encode() for path, text in files.items()}, (), programs)
    found = read_inventory(MemoryContainers({"i": image}), "i")
    return [f"{one.manager} {one.name} {one.version}" for one in found]


def test_packages_of_dpkg_are_those_installed() -> None:
    """Not those removed whose settings stayed; indented lines are descriptions."""
    assert inventory({"/var/lib/dpkg/status": STATUS}) == [
        "dpkg held 1:2.0-1",
        "dpkg libc6 2.36-9+deb12u9",
    ]


def test_packages_of_an_image_without_dpkg_are_in_parts() -> None:
    """As distroless images have them, with checksums beside."""
    files = {
        "/var/lib/dpkg/status.d/tzdata": "Package: tzdata\nVersion: 2024a\n",
        "/var/lib/dpkg/status.d/tzdata.md5sums": "Package: no\nVersion: 1\n",
    }
    assert inventory(files) == ["dpkg tzdata 2024a"]


@pytest.mark.parametrize("path", ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"])
def test_packages_of_apk(path: str) -> None:
    """In either place that its database has had."""
    assert inventory({path: APK}) == ["apk musl 1.2.4-r2", "apk zlib 1.3.1-r0"]


def test_python_packages_are_found_in_every_environment() -> None:
    """Under one spelling of their names; the system's own belong to dpkg."""
    assert inventory({}, said(FOUND)) == ["pip foo-bar 1.0", "pip foo-bar 2.0"]


@pytest.mark.parametrize(
    "shell",
    [
        None,
        said(errors="sh: find: not found\n", status=127),
        said(errors="find: 'grep': No such file or directory\n", status=1),
    ],
    ids=["no shell", "no find", "no grep"],
)
def test_without_tools_the_usual_places_are_read(shell: Ran | None) -> None:
    """Nothing of the image has to run."""
    folder = "/opt/venv/lib/python3.12/site-packages"
    files = {
        f"{folder}/torch-2.1.0.dist-info/METADATA": "Name: torch\nVersion: 2.1.0\n\nName: no\n",
        f"{folder}/torch-2.1.0.dist-info/RECORD": "Name: no\nVersion: 1\n",
    }
    assert inventory(files, shell) == ["pip torch 2.1.0"]


def test_a_folder_that_cannot_be_read_hides_nothing_else() -> None:
    """``find`` then ends with 1 and has told the rest."""
    assert len(inventory({}, said(FOUND, "find: /root: Permission denied\n", 1))) == 2


def test_looking_needs_no_network_and_may_read_everything() -> None:
    """Nothing is fetched by an inventory."""
    image = MemoryImage(programs={"sh": lambda call: said()})
    containers = MemoryContainers({"i": image})
    assert read_inventory(containers, "i") == ()
    (call,) = containers.calls
    assert isinstance(call, Call)
    assert (call.network, call.user) == ("none", "0")


def test_an_engine_that_does_not_answer_is_no_empty_inventory() -> None:
    """Else every package would count as removed."""
    containers = MemoryContainers({"i": MemoryImage()})
    containers.down = True
    with pytest.raises(EngineDown):
        read_inventory(containers, "i")


def test_packages_sort_by_manager_and_name() -> None:
    """As tables show them."""
    assert Package("apk", "z", "1") < Package("dpkg", "a", "1") < Package("dpkg", "b", "0")
