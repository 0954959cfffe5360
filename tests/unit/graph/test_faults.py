"""One image's fault is that image's alone: all others have their keys, edges and rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.graph.faults import ParentUnknown, unreadable
from layers.graph.graph import Layer
from layers.project.project import Project

CHECKOUT = Path(__file__).resolve().parents[3]
HEAD = 'version = 1\n[project]\nname = "demo"\n'
IMAGES = HEAD + "".join(f'[images.{n}]\ncontext = "{n}"\n' for n in ("base", "app", "web", "other"))
FILES = {
    "images.toml": IMAGES,
    "dodo.py": "from layers.tasks import *\n",
    "base/Dockerfile": "FROM scratch AS one\nCOPY a /a\nFROM one\n",
    "base/a": "a\n",
    "app/Dockerfile": "FROM base\nENV A=1\n",
    "web/Dockerfile": "FROM scratch\nCOPY --from=app /a /a\n",
    "other/Dockerfile": "FROM scratch\nENV A=1\n",
}


def project(root: Path, changes: Mapping[str, str | bytes | None]) -> Project:
    """A checkout with four images, three of them in a row; None takes a file away."""
    for path, text in {**FILES, **changes}.items():
        at = root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            at.write_bytes(text if isinstance(text, bytes) else text.encode())
        else:
            at.unlink(missing_ok=True)
    return Project(str(root))


BAD: list[tuple[dict[str, str | bytes | None], str]] = [
    ({"base/Dockerfile": "FRUM scratch\n"}, "base/Dockerfile:1: "),
    ({"base/Dockerfile": None}, "images.base.dockerfile: there is no Dockerfile"),
    ({"base/a": None}, "base/Dockerfile:2: "),
    ({"base/Dockerfile": "FROM basee\n"}, "base/Dockerfile:1: 'basee' is not an image"),
    ({"base/Dockerfile": "FROM base:1@x\n"}, "base/Dockerfile:1: "),
    ({"base/Dockerfile": ""}, "base/Dockerfile"),
    ({"base/.dockerignore": "[\n"}, ".dockerignore"),
    ({"base/.dockerignore": "\ufeffa\n".encode("utf-16-le")}, ".dockerignore:1: written in UTF-16"),
    ({"base/Dockerfile": "\ufeffFROM scratch\n".encode("utf-16-be")}, "base/Dockerfile:1: "),
    ({"base/Dockerfile": None, "base/Dockerfile/a": ""}, "base/Dockerfile: is a folder"),
    ({"images.toml": IMAGES.replace('context = "base"', 'context = "gone"')}, "no folder 'gone'"),
]


@pytest.mark.parametrize(("changes", "expected"), BAD)
def test_a_fault_is_of_its_image_and_of_what_is_made_from_it(
    tmp_path: Path, changes: dict[str, str | bytes | None], expected: str
) -> None:
    """The rest has the very keys that it had before."""
    key = project(tmp_path, {}).inputs.key(Layer("other"))
    inputs = project(tmp_path, changes).inputs
    assert expected in str(inputs.fault("base"))
    for name, parent in (("app", "base"), ("web", "app")):
        fault = inputs.fault(name)
        assert isinstance(fault, ParentUnknown)
        assert fault.message == f"{name} is made from {parent}, which has an error"
        assert fault.hint == str(inputs.fault("base"))
        with pytest.raises(ParentUnknown):
            inputs.key(Layer(name))
    assert inputs.fault("other") is None
    assert inputs.key(Layer("other")) == key
    assert inputs.graph.order == ("base", "app", "web", "other")


def test_a_cycle_is_of_the_images_in_it(tmp_path: Path) -> None:
    """And of what is made from one of them."""
    inputs = project(tmp_path, {"base/Dockerfile": "FROM app\n"}).inputs
    assert "base -> app -> base" in str(inputs.fault("base"))
    assert inputs.fault("base") is inputs.fault("app")
    assert isinstance(inputs.fault("web"), ParentUnknown)
    assert inputs.fault("other") is None


def test_an_image_that_is_mended_has_its_key_again(tmp_path: Path) -> None:
    """A fault leaves nothing behind."""
    key = project(tmp_path, {}).inputs.key(Layer("web"))
    assert project(tmp_path, {"base/a": None}).inputs.fault("web")
    assert project(tmp_path, {}).inputs.key(Layer("web")) == key


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    """Neither in images.toml nor in images.lock: some editors put one there."""
    lock = "version = 1\n"
    key = project(tmp_path, {"images.lock": lock}).inputs.key(Layer("web"))
    marked = {"images.toml": f"\ufeff{IMAGES}", "images.lock": f"\ufeff{lock}"}
    assert project(tmp_path, marked).inputs.key(Layer("web")) == key


@pytest.mark.parametrize("name", ["images.toml", "images.lock"])
@pytest.mark.parametrize("content", ["version = 1\n".encode("utf-16"), b"# \xe9\n", None])
def test_a_file_of_the_project_that_is_no_text_is_one_error(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    """Without it nothing is known; a folder in its place is told, too."""
    project(tmp_path, {name: content})
    if content is None:
        (tmp_path / name).mkdir()
    with pytest.raises(LayersError) as caught:
        _ = Project(str(tmp_path)).inputs
    assert str(caught.value).startswith(name) or f"no {name}" in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_fault(tmp_path: Path) -> None:
    """With its name and what to do."""
    project(tmp_path, {})
    (tmp_path / "base" / "a").chmod(0)
    fault = str(Project(str(tmp_path)).inputs.fault("base"))
    assert fault.startswith("base/a: cannot be read: Permission denied\n")


def test_a_full_disk_is_no_fault_of_an_image() -> None:
    """Nor is an error that names no file."""
    for error in (OSError(28, "No space left on device", "/x"), OSError(5, "I/O error")):
        with pytest.raises(OSError, match=error.strerror):
            unreadable(error, "/")
    told = unreadable(PermissionError(13, "Permission denied", "/root/a"), "/root")
    assert str(told).startswith("a: cannot be read: Permission denied\n")


# -- commands, each as a user runs it, where no engine answers ----------------------------------


def doit(root: Path, *words: str) -> tuple[int, str, str]:
    """Status, output and errors of a command."""
    environ = {**os.environ, "PYTHONPATH": str(CHECKOUT), "DOCKER_HOST": "unix:///nowhere.sock"}
    done = subprocess.run(
        [sys.executable, "-m", "doit", *words],
        cwd=root,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A checkout in which one of four images has a Dockerfile that nobody can read."""
    project(tmp_path, {"base/Dockerfile": "FRUM scratch\n"})
    return tmp_path


def test_list_shows_every_image(broken: Path) -> None:
    """It is a report: an error in a row is no failure of the report."""
    status, out, _ = doit(broken, "list", "--json")
    told = {each["name"]: each for each in json.loads(out)["layers"]}
    assert {name: each["state"] for name, each in told.items()} == {
        "base": "error",
        "app": "error",
        "web": "error",
        "other": "build",
    }
    assert told["base"]["key"] is None
    assert told["other"]["key"] is not None
    assert status == 0
    status, out, _ = doit(broken, "list", "app")
    assert [line.split()[:2] for line in out.splitlines() if "\t" in line] == [
        ["base", "error"],
        ["app", "error"],
    ]


def test_keys_of_all_others_are_printed(broken: Path) -> None:
    """Then what is wrong, and status 1."""
    status, out, err = doit(broken, "keys")
    assert [line.split()[1] for line in out.splitlines()] == ["other"]
    assert err.startswith("base/Dockerfile:1: ")
    assert "app is made from base, which has an error" in err
    assert status == 1
    status, out, _ = doit(broken, "keys", "--json")
    told = json.loads(out)["images"]
    assert told["base"]["key"] is None
    assert told["base"]["error"].startswith("base/Dockerfile:1: ")
    assert told["other"]["key"]
    assert status == 1
    assert doit(broken, "keys", "other")[0] == 0


def test_check_looks_at_all_others(broken: Path) -> None:
    """One finding for the image, a note for each that is made from it."""
    status, out, err = doit(broken, "check", "--json")
    told = json.loads(out)
    refused = [each for each in told["findings"] if each["rule"] == "refused"]
    assert [each["images"] for each in refused] == [["base"]]
    assert "app was not checked: app is made from base" in err
    assert status == 1


@pytest.mark.parametrize("words", [["why", "base"], ["base"], ["why", "web"], ["base:one"]])
def test_who_asks_for_it_gets_the_fault(broken: Path, words: list[str]) -> None:
    """With its file and line, and status 1, though no engine answers."""
    status, _, err = doit(broken, *words)
    assert "base/Dockerfile:1: " in err
    assert status == 1


def test_an_error_that_is_told_is_an_error_of_people() -> None:
    """Whatever stops an image is a sentence."""
    assert isinstance(ParentUnknown("a", ["b"], LayersError("x")), LayersError)


def test_stages_of_an_image_with_an_error_have_it_too(tmp_path: Path) -> None:
    """Also those that could be made without what is wrong; one that is not there is told."""
    text = "FROM scratch AS deps\nCOPY a /a\nFROM deps\nCOPY gone /gone\n"
    project(tmp_path, {"base/Dockerfile": text})
    for words in (("base:deps",), ("keys", "base:deps"), ("why", "base:deps")):
        status, out, err = doit(tmp_path, *words)
        assert (status, out) == (1, "")
        assert "base/Dockerfile:4: COPY: 'gone' is not in the build context" in err
    status, _, err = doit(tmp_path, "base:dep")
    assert status == 1
    assert "did you mean 'base:deps'?" in err
    _, out, _ = doit(tmp_path, "list", "base:deps")
    assert out.split()[:2] == ["base:deps", "error"]
