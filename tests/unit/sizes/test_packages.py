"""Packages: what dpkg, pip and npm say of themselves, weighed by the files that are there."""

from __future__ import annotations

import json

from layers.sizes.packages import Package
from tests.unit.sizes.archives import Files, measured

STATUS = b"""\
Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9
Description: GNU C Library
 Package: not-this

Package: curl
Status: install ok installed
Version: 7.88
Architecture: amd64

Package: gone
Status: deinstall ok config-files
Version: 1

Package: purged
Status: purge ok not-installed
"""


def found(*layers: Files) -> tuple[Package, ...]:
    return measured(*layers).packages


def test_dpkg_owns_what_its_lists_name_through_links_too() -> None:
    """``/lib`` may be a link to ``/usr/lib``; what was taken away weighs nothing."""
    base: Files = {
        "lib": "->usr/lib",
        "usr/lib/libc.so": b"x" * 70,
        "usr/bin/curl": b"x" * 20,
        "usr/share/doc/curl": b"x" * 30,
        "var/lib/dpkg/status": STATUS,
        "var/lib/dpkg/info/libc6:amd64.list": b"/.\n/lib\n/lib/libc.so\n",
        "var/lib/dpkg/info/curl.list": b"/usr/bin/curl\n/usr/share/doc/curl\n/lib/libc.so\n",
        "var/lib/dpkg/info/gone.list": b"/usr/bin/curl\n",
    }
    assert found(base, {"usr/share/doc/.wh.curl": b""}) == (
        Package("dpkg", "libc6", "2.36-9", "", 70, 1),
        Package("dpkg", "curl", "7.88", "", 20, 1),
    )


def test_an_image_without_dpkg_has_its_packages_one_a_file() -> None:
    """As in distroless images."""
    files: Files = {
        "etc/tz": b"12345",
        "var/lib/dpkg/status.d/tzdata": b"Package: tzdata\nVersion: 2024a\n",
        "var/lib/dpkg/status.d/tzdata.md5sums": b"0cc175b9c0f1b6a831c399e269772661  etc/tz\n",
    }
    assert found(files) == (Package("dpkg", "tzdata", "2024a", "", 5, 1),)


def test_pip_owns_what_record_names() -> None:
    """With quotes, above its folder, absolute; of two installations each its own."""
    record = b'numpy/__init__.py,sha256=x,4\n"numpy/a,b.so",,\n../../../bin/f2py,,\n/opt/x,,\n'
    site = "usr/lib/python3/site-packages"
    files: Files = {
        f"{site}/numpy/__init__.py": b"1234",
        f"{site}/numpy/a,b.so": b"x" * 50,
        "usr/bin/f2py": b"123",
        "opt/x": b"1",
        f"{site}/numpy-1.26.4.dist-info/RECORD": record,
        "venv/lib/site-packages/numpy/__init__.py": b"12",
        "venv/lib/site-packages/numpy-2.0.dist-info/RECORD": b"numpy/__init__.py,,\n",
    }
    assert found(files) == (
        Package("pip", "numpy", "1.26.4", site, 58, 4),
        Package("pip", "numpy", "2.0", "venv/lib/site-packages", 2, 1),
    )


def test_npm_owns_its_folder_but_not_what_is_nested_in_it() -> None:
    """Scoped packages, too; a package.json deeper in a package is none of its own."""

    def named(name: str) -> bytes:
        return json.dumps({"name": name, "version": "1.0"}).encode()

    files: Files = {
        "app/node_modules/a/package.json": named("a"),
        "app/node_modules/a/x.js": b"x" * 1000,
        "app/node_modules/a/lib/package.json": b"{}",
        "app/node_modules/a/node_modules/@s/b/package.json": named("@s/b"),
        "app/node_modules/a/node_modules/@s/b/y.js": b"y" * 10,
        "app/node_modules/broken/package.json": b"{",
        "app/package.json": named("app"),
    }
    told = found(files)
    size = len(named("a"))
    assert told == (
        Package("npm", "a", "1.0", "app/node_modules", 1002 + size, 3),
        Package("npm", "@s/b", "1.0", "app/node_modules/a/node_modules", 13 + size, 2),
    )


def test_a_package_of_dpkg_keeps_what_pip_names_too() -> None:
    """Each byte counts once."""
    files: Files = {
        "usr/lib/python3/dist-packages/six.py": b"1234",
        "usr/lib/python3/dist-packages/six-1.16.dist-info/RECORD": b"six.py,,\n",
        "var/lib/dpkg/status": b"Package: python3-six\nStatus: install ok installed\nVersion: 1\n",
        "var/lib/dpkg/info/python3-six.list": b"/usr/lib/python3/dist-packages/six.py\n",
    }
    assert [(each.manager, each.size) for each in found(files)] == [("dpkg", 4), ("pip", 0)]
