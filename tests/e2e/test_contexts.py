"""Named contexts of all kinds, built by the real BuildKit."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

SPEC = """\
[images.kinds]
context = "kinds"
tag = "NAME-kinds"
[images.kinds.contexts]
system = "docker-image://UPSTREAM"
ours = "target:base"
folder = "app"
src = "ADDRESS"
"""
DOCKERFILE = """\
FROM system
COPY --from=ours /base.txt /ours
COPY --from=folder app.py /folder
COPY --from=src told /git
"""


def git(folder: Path, *words: str) -> str:
    """Run git; what it printed."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A git repository, and the address at which it is served."""
    folder = tmp_path / "served" / "x.git"
    (folder / "sub").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["git", "daemon", "--export-all", "--listen=127.0.0.1", f"--port={port}"]
    server = subprocess.Popen([*words, f"--base-path={folder.parent}", str(folder)])
    try:
        for _ in range(100):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield folder, f"git://127.0.0.1:{port}/x.git"
    finally:
        server.terminate()
        server.wait()


def commit(folder: Path, text: str) -> str:
    """The commit with that text in ``sub/told``."""
    (folder / "sub" / "told").write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", text)
    return git(folder, "rev-parse", "HEAD")


def test_an_image_takes_from_contexts_of_all_kinds(
    workspace: Workspace, lab: Lab, upstream: str, repository: tuple[Path, str]
) -> None:
    """An upstream, an image of ours, a folder, a commit; another commit is another key."""
    folder, address = repository
    first, second = commit(folder, "one\n"), commit(folder, "two\n")
    spec = SPEC.replace("NAME", workspace.name).replace("UPSTREAM", upstream)
    spec = spec.replace("ADDRESS", f"{address}#{first}:sub")
    workspace.write(
        {"images.toml": workspace.read("images.toml") + spec, "kinds/Dockerfile": DOCKERFILE}
    )
    workspace.doit("kinds")

    def told() -> str:
        image = f"{workspace.tag('kinds')}:latest"
        words = ("run", "--rm", "--network=none", image, "cat", "/ours", "/folder", "/git")
        return lab.docker(*words)

    assert told().splitlines() == ["base 1", "print(1)", "one"]
    assert workspace.states()["kinds"] == "fresh"
    workspace.edit("images.toml", first, second)
    assert workspace.states()["kinds"] == "build"
    workspace.doit("kinds")
    assert told().splitlines()[-1] == "two"
    assert set(workspace.ran()) == {"kinds"}
