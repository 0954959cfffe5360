"""Package sources become an index that real pip installs from."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.build.packages.index import PipIndex
from layers.build.packages.sdist import PackageError, make_sdist, read_metadata
from layers.host.settings import PipSettings

BACKEND = """\
import os, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "stand_in-1.5-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("stand_in.py", "answer = 42")
        wheel.writestr("stand_in-1.5.dist-info/METADATA", "Metadata-Version: 2.1\\nName: Stand.In\\nVersion: 1.5\\n")
        wheel.writestr("stand_in-1.5.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("stand_in-1.5.dist-info/RECORD", "")
    return name

build_sdist = None
"""  # noqa: E501 - file formats

PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "Stand.In"
version = "1.5"
requires-python = ">=3.8"
"""


@pytest.fixture
def package(tmp_path: Path) -> Any:
    """A package that needs nothing but itself to be built."""
    folder = tmp_path / "packages" / "stand-in"
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    return folder


def fetch(url: Any) -> Any:
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def test_pip_installs_from_the_index(package: Any, tmp_path: Path) -> None:
    """Name, link, hash and archive are as pip wants them."""
    target = tmp_path / "target"
    with PipIndex(str(package.parent)) as index:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-cache-dir", "--isolated"]
        command += ["--no-build-isolation", "-i", index.url, "-t", str(target), "stand-in==1.5"]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (target / "stand_in.py").read_text() == "answer = 42"


def test_pages_are_those_of_pep_503(package: Any) -> None:
    """A package has a page under its normal name, anything else is 404."""
    with PipIndex(str(package.parent)) as index:
        assert b'<a href="/simple/stand-in/">stand-in</a>' in fetch(index.url)
        page = fetch(index.url + "stand-in/").decode()
        assert 'href="/files/stand_in-1.5.tar.gz#sha256=' in page
        assert 'data-requires-python="&gt;=3.8"' in page
        for path in ("other/", "../../etc/passwd"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                fetch(index.url + path)
        url = index.url
    with pytest.raises(urllib.error.URLError):
        fetch(url)


def test_two_indexes_run_at_once(package: Any) -> None:
    """Each build has one of its own."""
    with PipIndex(str(package.parent)) as one, PipIndex(str(package.parent)) as two:
        assert one.url != two.url
        assert fetch(one.url) == fetch(two.url)


def test_a_pip_conf_has_the_host_s_indexes_and_this_one(package: Any) -> None:
    """The host's first."""
    with PipIndex(str(package.parent), PipSettings("https://i.test/s")) as index:
        assert index.pip_conf() == (
            f"[global]\nindex-url = https://i.test/s\nextra-index-url =\n    {index.url}\n"
        )


def test_times_and_leavings_do_not_change_an_archive(package: Any) -> None:
    """Nor does the order in which files were made; a mode that matters does."""
    before = make_sdist(str(package), read_metadata(str(package)))
    os.utime(package / "backend.py", (1, 1))
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "backend.pyc").write_bytes(b"x")
    (package / "stand_in.egg-info").mkdir()
    (package / "stand_in.egg-info" / "PKG-INFO").write_text("x")
    (package / "backend.py").chmod(0o600)
    assert make_sdist(str(package), read_metadata(str(package))) == before
    (package / "backend.py").chmod(0o755)
    assert make_sdist(str(package), read_metadata(str(package))) != before


def test_an_archive_has_its_metadata_at_its_root(package: Any) -> None:
    """One folder, named after package and version."""
    (package / "sub").mkdir()
    (package / "sub" / "data").write_bytes(b"")
    content = make_sdist(str(package), read_metadata(str(package)))
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        assert tar.getnames() == [
            "stand_in-1.5/PKG-INFO",
            "stand_in-1.5/backend.py",
            "stand_in-1.5/pyproject.toml",
            "stand_in-1.5/sub/data",
        ]
        info = tar.extractfile("stand_in-1.5/PKG-INFO")
        assert info is not None
        assert info.read() == (
            b"Metadata-Version: 2.1\nName: Stand.In\nVersion: 1.5\nRequires-Python: >=3.8\n"
        )


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"setup.py": "import setuptools\nsetuptools.setup(name='a', version='2')"}, ("a", "2")),
        ({"setup.py": "", "setup.cfg": "[metadata]\nname = b\nversion = 3"}, ("b", "3")),
        (
            {
                "pyproject.toml": "[project]\nname = 'c'\ndynamic = ['version']",
                "setup.py": "from setuptools import setup\nsetup(name='x', version='4')",
            },
            ("c", "4"),
        ),
    ],
)
def test_older_forms_of_metadata_are_read(tmp_path: Path, files: Any, expected: Any) -> None:
    """setup.cfg and the constants of setup.py fill in what pyproject.toml does not say."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    metadata = read_metadata(str(tmp_path))
    assert (metadata.name, metadata.version) == expected


def test_nothing_is_run_to_find_a_version(tmp_path: Path) -> None:
    """The error says where to write it."""
    (tmp_path / "setup.py").write_text(
        "open('ran', 'w')\nsetup(name='a', version=open('v').read())"
    )
    with pytest.raises(PackageError) as error:
        read_metadata(str(tmp_path))
    assert str(error.value) == (
        f"{tmp_path}/pyproject.toml: the package's version cannot be read\n"
        "  write them as plain text in [project]; nothing is run to find them out"
    )
    (tmp_path / "pyproject.toml").write_text("[project")
    with pytest.raises(PackageError, match=r"pyproject\.toml: cannot be read"):
        read_metadata(str(tmp_path))


def test_two_sources_of_one_package_are_refused(package: Any) -> None:
    """Which of them pip would take is chance."""
    other = package.parent / "z"
    other.mkdir()
    (other / "pyproject.toml").write_text(PROJECT)
    with pytest.raises(LayersError, match=r"stand_in-1.5.tar.gz comes from .*stand-in and .*z"):
        PipIndex(str(package.parent)).__enter__()
