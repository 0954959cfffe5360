"""System bases made by the real mmdebstrap from this machine's mirrors."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from layers.build.rootfs.make import RootfsError, make, system_mirrors
from layers.graph.recipe import Recipe
from layers.host import ca

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="a base is made as root"),
    pytest.mark.skipif(shutil.which("apt-get") is None, reason="made of Debian packages"),
]

SUITE = "bookworm"


def content(tar: tarfile.TarFile, name: str) -> bytes:
    """A file of a base."""
    file = tar.extractfile(name)
    assert file is not None
    return file.read()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A certificate that no distribution has, beside this machine's own ones."""
    folder = tmp_path_factory.mktemp("ca")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=layers-test"
    subprocess.run(
        [*command.split(), "-keyout", str(folder / "key"), "-out", str(folder / "crt")],
        check=True,
        capture_output=True,
    )
    return ca.pem(
        ca.certificates((folder / "crt").read_bytes())
        | ca.certificates(ca.extra_certificates() or b"")
    )


@pytest.fixture(scope="module")
def recipe(certificate: Any) -> Any:
    """The smallest useful base, with an interpreter that compiles files while it is installed."""
    return Recipe(SUITE, ("python3-minimal",), "minbase", ca=ca.fingerprint(certificate))


@pytest.fixture(scope="module")
def made(recipe: Any, certificate: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A context with the base, and the folder of the packages that were fetched for it."""
    folder = tmp_path_factory.mktemp("made")
    cache = str(tmp_path_factory.mktemp("cache"))
    make(recipe, str(folder), lambda line: None, ca_pem=certificate, cache=cache)
    return folder, cache


def test_two_runs_give_the_same_bytes(
    made: Any, recipe: Any, certificate: Any, tmp_path: Path
) -> None:
    """The second one from the cache of packages, and from disk when memory is short."""
    folder, cache = made
    lines: list[str] = []
    make(recipe, str(tmp_path), lines.append, ca_pem=certificate, cache=cache)
    fetched = [line for line in lines if line.startswith("Get:")]
    assert [
        line for line in fetched if " InRelease " not in line and " Packages " not in line
    ] == []
    assert (tmp_path / "rootfs.tar").read_bytes() == (folder / "rootfs.tar").read_bytes()
    assert (tmp_path / "Dockerfile").read_bytes() == (folder / "Dockerfile").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["Dockerfile", "rootfs.tar"]


def test_a_base_holds_nothing_of_the_host(made: Any) -> None:
    """No name, no resolver, no fetched package, no manual; but what an image of Debian's has."""
    with tarfile.open(made[0] / "rootfs.tar") as tar:
        members = {member.name.removeprefix("."): member for member in tar}
        sources = content(tar, "./etc/apt/sources.list").decode()
        assert sources.count("deb ") == len(system_mirrors(SUITE))
        machine = members.get("/etc/machine-id")
        assert machine is None or machine.size == 0
    for name in ("/etc/hostname", "/etc/resolv.conf", "/etc/apt/apt.conf.d/99mmdebstrap"):
        assert name not in members
    for name in ("/usr/sbin/policy-rc.d", "/etc/dpkg/dpkg.cfg.d/docker", "/usr/bin/apt-get"):
        assert name in members
    endings = (".deb", ".1.gz", "_Packages", "_InRelease")
    assert [name for name in members if name.endswith(endings)] == []


def test_the_host_s_certificates_are_trusted_in_a_base(made: Any, certificate: Any) -> None:
    """In the bundle that programs read, and where the next update-ca-certificates finds them."""
    with tarfile.open(made[0] / "rootfs.tar") as tar:
        bundle = content(tar, "." + ca.BUNDLE)
        kept = [name for name in tar.getnames() if "/local/share/ca-certificates/host-" in name]
    assert ca.certificates(certificate) < ca.certificates(bundle)
    assert len(kept) == len(ca.certificates(certificate))


def test_compiled_modules_stay_valid(made: Any) -> None:
    """Files of a base are set back in time: a compiled module must not go by its source's time."""
    with tarfile.open(made[0] / "rootfs.tar") as tar:
        names = [name for name in tar.getnames() if name.endswith("/os.cpython-311.pyc")]
        header = content(tar, names[0])
    assert int.from_bytes(header[4:8], "little") & 1  # PEP 552: checked by hash


def test_a_package_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The error has mmdebstrap's last lines, and nothing is left behind."""
    own = ca.extra_certificates()
    recipe = Recipe(SUITE, ("no-such-package-here",), "minbase", ca=ca.fingerprint(own))
    with pytest.raises(RootfsError, match="no-such-package-here"):
        make(recipe, str(tmp_path), lambda line: None, ca_pem=own)
    assert os.listdir(tmp_path) == []
