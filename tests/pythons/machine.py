"""Pythons that are on this machine, of whoever put them there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

_WHOLE = "import bz2, ctypes, ensurepip, lzma, ssl, venv; import sys; print(*sys.version_info[:2])"
"""What an environment with pip needs, and what pip needs to unpack wheels."""


def find(version: str, env: Mapping[str, str]) -> Path | None:
    """A whole Python ``version`` (such as ``3.12``), the newest of its kind; None: there is none.

    Looked at are PATH, pyenv's and uv's folders, and those of GitHub's runners.
    """
    for path in candidates(version, env):
        words = [str(path), "-c", _WHOLE]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.split() == version.split("."):
            return path
    return None


def candidates(version: str, env: Mapping[str, str]) -> Iterator[Path]:
    """Programs that may be it, the likeliest first."""
    on_path = shutil.which(f"python{version}", path=env.get("PATH", os.defpath))
    # pyenv puts a program of each name on PATH that fails where the version is not in use
    if on_path is not None and "shims" not in Path(on_path).parts:
        yield Path(on_path)
    home = Path(env.get("HOME", "/"))
    folders = {
        Path(env.get("PYENV_ROOT", home / ".pyenv")): f"versions/{version}.*/bin/python3",
        home / ".local/share/uv/python": f"cpython-{version}.*/bin/python3",
        Path(env.get("RUNNER_TOOL_CACHE", "/opt/hostedtoolcache")): (
            f"Python/{version}.*/x64/bin/python3"
        ),
    }
    for folder, pattern in folders.items():
        yield from sorted(folder.glob(pattern), key=lambda path: newest(path, version))


def newest(path: Path, version: str) -> int:
    """The order of patch releases: 3.12.10 stands before 3.12.9."""
    part = next(each for each in path.parts if f"{version}." in each)
    patch = part.partition(f"{version}.")[2].partition("-")[0]
    return -int(patch) if patch.isdigit() else 0
