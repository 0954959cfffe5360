"""Apt in a folder of its own reads that folder's sources and lists, and no others."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from layers.host.apt import AptSource
from layers.host.apt_folder import lay_out

pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="no apt here")


def test_packages_come_from_the_folder_s_own_sources(tmp_path: Path) -> None:
    """An archive on disk, whose one package no system has; the system's own are not known."""
    archive = tmp_path / "archive"
    archive.mkdir()
    fields = {"Package": "of-the-folder", "Version": "1.0", "Architecture": "all"}
    fields |= {"Filename": "./of-the-folder.deb", "Size": "0", "SHA256": "0" * 64}
    (archive / "Packages").write_text("".join(f"{k}: {v}\n" for k, v in fields.items()))
    source = AptSource(f"file:{archive}", "./", (), trusted=True)
    env = {**os.environ, **lay_out(str(tmp_path / "apt"), [source])}
    subprocess.run(["apt-get", "update", "-qq"], env=env, check=True)
    words = ["apt-cache", "pkgnames"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["of-the-folder"]
