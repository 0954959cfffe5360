"""Branches and tags of git addresses, from a server of git's own to the real BuildKit."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

SPEC = """\
version = 1
[project]
name = "NAME"
[images.app]
context = "app"
tag = "NAME-app"
contexts = { src = "ADDRESS#main:sub" }
"""
DOCKERFILE = """\
FROM UPSTREAM
ARG REF=v1
ADD ADDRESS#${REF} /tag
ADD ADDRESS?ref=${REF} /query
ADD --keep-git-dir=true ADDRESS#main /branch
COPY --from=src s /s
"""


def git(folder: Path, *words: str) -> str:
    names = {
        f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ("git", "-C", str(folder), *words),
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class Repository:
    """A repository that a server on loopback shows."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    def commit(self, text: str) -> str:
        """Put one file below another commit of main; the commit."""
        (self.folder / "sub").mkdir(exist_ok=True)
        (self.folder / "sub" / "s").write_text(text)
        git(self.folder, "add", "-A")
        git(self.folder, "commit", "-q", "-m", text)
        return git(self.folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Served by git daemon, for as long as the test runs."""
    folder = tmp_path / "served" / "x.git"
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = ("daemon", f"--base-path={folder.parent}", "--export-all", "--listen=127.0.0.1")
    daemon = subprocess.Popen(
        ("git", *words, f"--port={port}", str(folder.parent)), start_new_session=True
    )
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Repository(folder, f"git://127.0.0.1:{port}/x.git")
    finally:
        os.killpg(daemon.pid, 15)
        daemon.wait()


def test_the_commit_that_is_locked_is_in_the_key_and_what_buildkit_is_given(
    workspace: Workspace, repository: Repository, upstream: str, lab: Lab
) -> None:
    """A branch that moves changes nothing until `doit lock` or `doit refresh` moves it."""
    first = repository.commit("one")
    git(repository.folder, "tag", "-a", "-m", "x", "v1")
    name, at = workspace.name, repository.address
    workspace.write(
        {
            "images.toml": SPEC.replace("NAME", name).replace("ADDRESS", at),
            "app/Dockerfile": DOCKERFILE.replace("UPSTREAM", upstream).replace("ADDRESS", at),
        }
    )
    assert f"{at}#v1 is added without a checksum or a commit" in workspace.doit("check").text
    told = workspace.doit("lock", "--no-copy").out
    assert f"{at}#main (git): not locked -> {first}" in told
    assert f"{at}#v1 (git): not locked -> {first}" in told
    assert "is added without" not in workspace.doit("check").text
    second = repository.commit("two")
    workspace.doit("app")
    files = ("/s", "/tag/sub/s", "/query/sub/s")
    words = ("run", "--rm", "--network=none", f"{name}-app", "cat", *files)
    assert lab.docker(*words) == "oneoneone"
    key = json.loads(workspace.doit("keys", "--json").out)["images"]["app"]["key"]
    assert workspace.states() == {"app": "fresh"}
    refreshed = workspace.doit("refresh", status=None).text
    assert f"{at}#main (git): {first} → {second}" in refreshed
    assert second in workspace.read("images.lock")
    assert workspace.states() == {"app": "build"}
    workspace.doit("app")
    assert lab.docker(*words) == "twooneone"
    assert json.loads(workspace.doit("keys", "--json").out)["images"]["app"]["key"] != key
