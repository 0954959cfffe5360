"""What is built holds the bytes that were hashed, whatever BuildKit remembers of the context."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e import byteproof
from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

MTIME = 1_600_000_000_000_000_000
SPEC = 'version = 1\n[project]\nname = "NAME"\n[images.app]\ncontext = "app"\ntag = "NAME-app"\n'


def put(path: Path, text: str) -> None:
    """Write a file whose mtime does not move."""
    path.write_text(text)
    os.utime(path, ns=(MTIME, MTIME))


def links(workspace: Workspace) -> list[str]:
    """The names under which the image's files are sent."""
    return [p.name for p in (workspace.root / ".layers/sent").rglob("*") if p.is_symlink()]


@pytest.fixture
def app(lab: Lab, upstream: str, workspace: Workspace) -> Workspace:
    """One image that copies some files of its context, and one of a named context."""
    workspace.write(
        {
            "images.toml": SPEC.replace("NAME", workspace.name)
            + '[images.app.contexts]\nnc = "nc"\n',
            "app/Dockerfile": f"FROM {upstream}\nCOPY d /d/\nCOPY --from=nc . /nc/\nRUN true\n",
            "app/d/e/f": "one\n",
            "nc/g": "one\n",
        }
    )
    for path in ("app/d/e/f", "nc/g"):
        put(workspace.root / path, "one\n")
    return workspace


def shown(workspace: Workspace, command: str) -> str:
    """What a command prints in the image."""
    image = f"{workspace.tag('app')}:latest"
    return workspace.lab.docker("run", "--rm", "--network=none", image, "sh", "-c", command)


def test_edits_that_buildkit_does_not_see_are_all_in_the_image(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of ours is stale; docker's own build of the same edits is: the test's broken twin."""
    for name, value in lab.endpoint.environment.items():
        monkeypatch.setenv(name, value)
    figures = byteproof.prove(tmp_path, 9, 3, every_stock=3)
    assert figures.ours == []
    assert sum(figures.stock.values()) > 0
    assert figures.whole > 0


def test_an_edit_that_keeps_size_and_mtime_arrives(app: Workspace) -> None:
    """From the context and from a named one; an ordinary edit after them keeps the name."""
    app.doit("app")
    for path in ("app/d/e/f", "nc/g"):
        names = links(app)
        put(app.root / path, "two\n")
        assert "not its size and mtime" in app.doit("run", "--json", "app").text
        assert links(app) != names
    assert shown(app, "cat /d/e/f /nc/g") == "two\ntwo"
    names = links(app)
    (app.root / "nc/g").write_text("six\n")
    app.doit("app")
    assert shown(app, "cat /nc/g") == "six"
    assert links(app) == names


def test_attributes_and_directory_modes_arrive(app: Workspace) -> None:
    """moby/buildkit#7176, and what is never compared at all."""
    app.doit("app")
    (app.root / "app/d/e").chmod(0o700)
    app.doit("app")
    assert shown(app, "stat -c %a /d/e") == "700"
    before = app.image("app")
    try:
        os.setxattr(app.root / "app/d/e/f", "user.layers", app.name.encode())
    except OSError:
        pytest.skip("no extended attributes here")
    app.doit("app")
    assert app.image("app") != before
    assert any("COPY d /d/" in step for step in app.ran()["app"])


def test_a_failed_step_does_not_cost_the_next_build_a_whole_transfer(app: Workspace) -> None:
    """The files had arrived; only a transfer whose end nobody saw is done anew."""
    app.doit("app")
    names = links(app)
    app.edit("app/Dockerfile", "RUN true", "RUN false")
    app.doit("app", status=1)
    app.edit("app/Dockerfile", "RUN false", "RUN echo")
    app.doit("app")
    assert links(app) == names


def test_the_dockerfile_and_the_ignore_file_are_never_stale(app: Workspace) -> None:
    """BuildKit compares nothing of these two; this is the test that it stays so."""
    dockerfile, ignore = app.root / "app/Dockerfile", app.root / "app/.dockerignore"
    text = app.read("app/Dockerfile")
    put(app.root / "app/d/x", "x\n")
    put(dockerfile, text.replace("RUN true", "RUN touch /1"))
    put(ignore, "d/x\n")
    app.doit("app")
    assert shown(app, "ls / /d").split().count("x") == 0
    put(dockerfile, text.replace("RUN true", "RUN touch /2"))
    put(ignore, "d/y\n")
    app.doit("app")
    found = shown(app, "ls / /d").split()
    assert "2" in found
    assert "x" in found


def test_the_user_s_buildx_settings_stay_as_they_are(app: Workspace, tmp_path: Path) -> None:
    """The name of a transfer is a link of ours: no BUILDX_CONFIG, no builder, no node id."""
    config = tmp_path / "buildx"
    subprocess.run(
        [app.lab.endpoint.cli, "buildx", "ls"],
        env=app.environ(BUILDX_CONFIG=str(config)),
        check=True,
        capture_output=True,
    )
    node = config / ".buildNodeID"
    app.doit("app", BUILDX_CONFIG=str(config))
    before = node.read_bytes()
    put(app.root / "app/d/e/f", "two\n")
    app.doit("app", BUILDX_CONFIG=str(config))
    assert node.read_bytes() == before
