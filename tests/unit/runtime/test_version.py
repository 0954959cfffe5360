"""The version that a log names is that of the code which runs."""

from __future__ import annotations

import os
import subprocess
from importlib import metadata
from pathlib import Path

import pytest

from layers.runtime import crash as module
from layers.runtime.crash import NAME, version


def test_a_package_is_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it lies, no repository around it counts."""
    monkeypatch.setattr(module, "_ROOT", str(tmp_path))
    assert version() == metadata.version(NAME)


def test_a_checkout_tells_its_commit_of_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whether files were edited since."""
    monkeypatch.setattr(module, "_ROOT", str(tmp_path))
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}

    def git(*words: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        command = ["git", "-C", str(tmp_path), *who, *words]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--quiet")
    (tmp_path / "a").write_text("1")
    git("add", "a")
    git("commit", "--quiet", "-m", "one")
    commit = git("rev-parse", "--short", "HEAD")
    assert version().endswith(f", checkout at {commit}")
    (tmp_path / "a").write_text("2")
    assert version().endswith(f", checkout at {commit}-dirty")


def test_without_git_a_checkout_is_what_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug is still logged."""
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(module, "_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert version() == metadata.version(NAME)
