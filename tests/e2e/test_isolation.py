"""One image's fault hides no other: each command does what it can, on the real engine."""

from __future__ import annotations

import json

import pytest

from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e

FRUM = "base/Dockerfile:1: "


def test_an_image_with_an_error_stops_only_what_is_made_from_it(workspace: Workspace) -> None:
    """The rest is built; the error comes last, with its file and line, and status 1."""
    good = workspace.read("base/Dockerfile")
    workspace.write({"base/Dockerfile": good.replace("FROM", "FRUM")})
    assert workspace.states() == {"base": "error", "app": "error", "other": "build"}
    run = workspace.doit(status=1)
    assert set(workspace.ran()) == {"other"}
    assert FRUM in run.err
    assert "app is made from base, which has an error" in run.err
    assert workspace.states() == {"base": "error", "app": "error", "other": "fresh"}
    assert workspace.doit("other").text.count("up to date") == 1
    assert FRUM in workspace.doit("app", status=1).err
    assert FRUM in workspace.doit(status=1).err
    assert workspace.ran() == {}
    workspace.write({"base/Dockerfile": good})
    workspace.doit()
    assert set(workspace.ran()) == {"base", "app:deps", "app"}


def test_a_file_of_an_image_that_is_no_text_stops_only_what_is_made_from_it(
    workspace: Workspace,
) -> None:
    """In UTF-16, as some editors save it, or a folder: told with the file and what to do."""
    base = workspace.root / "base"
    good = (base / "Dockerfile").read_bytes()
    for name, expected in (
        ("Dockerfile", "base/Dockerfile:1: written in UTF-16: expected UTF-8\n  save it as UTF-8"),
        (".dockerignore", "base/.dockerignore:1: written in UTF-16: expected UTF-8"),
    ):
        (base / name).write_bytes(good.decode().encode("utf-16"))
        assert workspace.states() == {"base": "error", "app": "error", "other": "build"}
        assert expected in workspace.doit("base", status=1).err
        (base / "Dockerfile").write_bytes(good)
    (base / ".dockerignore").unlink()
    (base / "Dockerfile").unlink()
    (base / "Dockerfile").mkdir()
    assert "base/Dockerfile: is a folder" in workspace.doit(status=1).err
    assert set(workspace.ran()) == {"other"}
    (base / "Dockerfile").rmdir()
    (base / "Dockerfile").write_bytes(b"\xef\xbb\xbf" + good)
    assert workspace.states()["base"] == "build"
    assert workspace.states()["other"] == "fresh"


def test_a_file_of_the_project_that_is_no_text_is_one_error(workspace: Workspace) -> None:
    """A byte order mark is none; nothing is built where images.toml or its lock says nothing."""
    text = workspace.read("images.toml")
    spec, lock = (workspace.root / name for name in ("images.toml", "images.lock"))
    spec.write_text(f"\ufeff{text}")
    lock.write_text("\ufeffversion = 1\n")
    assert set(workspace.states().values()) == {"build"}
    lock.write_bytes("version = 1\n".encode("utf-16"))
    assert "images.lock:1: written in UTF-16" in workspace.doit(status=1).err
    lock.unlink()
    lock.mkdir()
    assert "images.lock: cannot be read: Is a directory" in workspace.doit(status=1).err
    lock.rmdir()
    spec.write_bytes(text.encode("utf-16"))
    assert "images.toml:1: written in UTF-16" in workspace.doit(status=1).err
    assert workspace.ran() == {}


def test_a_required_file_that_is_missing_stops_only_what_needs_it(workspace: Workspace) -> None:
    """Known before anything is built, so that nobody's build waits for it in vain."""
    text = workspace.read("images.toml")
    need = '[[images.base.require]]\npath = "model.pkl"\nmessage = "Register and download it."\n'
    workspace.write({"images.toml": text + need})
    run = workspace.doit(status=1)
    assert set(workspace.ran()) == {"other"}
    assert "base: model.pkl is missing\n  Register and download it." in run.err
    assert "app:deps: not made, since base cannot be\n" in run.err
    workspace.write({"base/model.pkl": "x"})
    workspace.doit()
    assert set(workspace.states().values()) == {"fresh"}


def test_all_commands_do_what_they_can_beside_an_error(workspace: Workspace) -> None:
    """A publish moves no tag, a clean-up removes nothing that the image may need."""
    gone = "[images.gone]\ncontext = 'gone'\npush = true\n"
    workspace.write({"images.toml": workspace.read("images.toml") + gone})
    run = workspace.doit(status=1)
    assert "images.gone.context: there is no folder 'gone'" in run.err
    run = workspace.doit("publish", "--tag", "v1", status=1)
    assert "there is no folder 'gone'" in run.err
    assert "no tag was moved" in run.err
    workspace.doit("publish", "base", "app", "--tag", "v1")
    run = workspace.doit("gc", "--dry-run", status=1)
    assert "all of gone stays, since it has an error" in run.out
    assert workspace.doit("why", "app").out.startswith("app: nothing changed")
    keys = workspace.doit("keys", status=1)
    assert [line.split()[1] for line in keys.out.splitlines()] == ["base", "app", "other"]
    checked = json.loads(workspace.doit("check", "--json", status=1).out)
    assert ["gone"] in [each["images"] for each in checked["findings"]]
    workspace.doit("lock", status=1)
    assert workspace.read("images.lock")
    report = json.loads(workspace.doit("refresh", "--json", status=1).out)
    assert any("there is no folder 'gone'" in each for each in report["failures"])


def test_one_stacks_error_does_not_keep_another_down(workspace: Workspace) -> None:
    """Each stack is brought up if its own images can be made."""
    name, more = workspace.name, ""
    for stack in ("one", "two"):
        more += f'[stacks.{stack}]\ncompose = ["{stack}.yaml"]\n'
    more += "[stacks.three]\ncompose = ['nowhere.yaml']\n"
    command = "    command: [sleep, '600']\n    init: true\n    stop_grace_period: 0s\n"
    workspace.write(
        {
            "images.toml": workspace.read("images.toml") + more,
            "one.yaml": f"services:\n  a:\n    image: {name}-app\n{command}",
            "two.yaml": f"services:\n  b:\n    image: {name}-other\n{command}",
            "base/Dockerfile": "FRUM x\n",
        }
    )
    assert workspace.states()["other"] == "build"
    try:
        run = workspace.doit("up", "one", "two", status=1)
        assert "one: not up: app is made from base, which has an error" in run.err
        assert FRUM in run.err
        assert "two is up" in run.out
        run = workspace.doit("up", "three", status=1)
        assert "there is no compose file 'nowhere.yaml'" in run.err
    finally:
        workspace.doit("down")
