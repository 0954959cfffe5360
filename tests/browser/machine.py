"""What a browser needs of a machine: chromium and a font from Debian, axe-core from npm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
AXE = CHECKOUT / ".layers" / "browser" / "axe.min.js"
AXE_VERSION = "4.10.3"
PACKAGES = {"chromium": ("chromium", "fonts-dejavu-core"), "npm": ("npm",)}
"""What brings a program, where it is missing."""


def chromium() -> str:
    """The browser's path; "" where there is none.

    GitHub's runners have Chrome, and in Ubuntu the package chromium brings a snap alone.
    """
    return shutil.which("chromium") or shutil.which("google-chrome") or ""


def prepare() -> None:
    """Install what is missing; ends the process where that takes another user."""
    programs = [] if chromium() else ["chromium"]
    programs += [] if AXE.is_file() or shutil.which("npm") else ["npm"]
    missing = [package for program in programs for package in PACKAGES[program]]
    if missing:
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            sys.exit(f"run: as root: apt-get install {' '.join(missing)}")
        sys.stderr.write(f"run: installing {' '.join(missing)}\n")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-q"], env=quiet, check=False, stdout=sys.stderr)
        install = ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing]
        subprocess.run(install, env=quiet, check=True, stdout=sys.stderr)
    if not AXE.is_file():
        _fetch_axe()


def _fetch_axe() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pack = ["npm", "pack", "--silent", f"axe-core@{AXE_VERSION}"]
        subprocess.run(pack, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("axe-core-*.tgz")
        shutil.unpack_archive(archive, folder)
        AXE.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(folder) / "package" / "axe.min.js", AXE)
