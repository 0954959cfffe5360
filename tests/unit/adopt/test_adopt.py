"""What is written, and what a second time adds."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.adopt.adopt import adopt
from layers.config.faults import SpecError
from tests.unit.adopt.repositories import NO_PROGRAMS, PLATFORM, images, proposed, write

ROOT = Path(__file__).resolve().parents[3]
TWO = {"base/Dockerfile": "FROM debian:12\n", "api/Dockerfile": "FROM base\n"}


def doit(root: Path, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command of doit's as a user would, where there may be no dodo.py."""
    clean = {key: text for key, text in os.environ.items() if not key.startswith("LAYERS_")}
    done = subprocess.run(
        [sys.executable, "-m", "doit", *words],
        cwd=root,
        env={**clean, "PYTHONPATH": str(ROOT), "DOCKER_HOST": "unix:///nowhere.sock"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_a_repository_becomes_a_project_without_a_dodo(tmp_path: Path) -> None:
    """``doit init``, then keys and list: nothing else is written by hand."""
    root = write(tmp_path / "shop", TWO)
    told = doit(root, "init").stdout
    assert "api  api/Dockerfile in api  from base" in told
    assert "written: images.toml, dodo.py, .gitignore" in told
    assert (root / ".gitignore").read_text() == ".layers/\n"
    keys = doit(root, "keys").stdout
    assert [line.split()[1] for line in keys.splitlines()] == ["base", "api"]
    assert re.search("^api *\tbuild", doit(root, "list").stdout, re.M)


def test_a_dry_run_writes_nothing_and_shows_all(tmp_path: Path) -> None:
    """The files as they would be."""
    root = write(tmp_path / "shop", TWO)
    told = doit(root, "init", "--dry-run").stdout
    assert "[images.api]" in told
    assert "task_layers" in told
    assert sorted(os.listdir(root)) == [".git", "api", "base"]


def test_json_has_the_same(tmp_path: Path) -> None:
    """For programs: images with their parents, and the text of each file."""
    told = json.loads(doit(write(tmp_path / "shop", TWO), "init", "--json", "--dry-run").stdout)
    assert {each["name"]: each["parents"] for each in told["images"]} == {
        "api": ["base"],
        "base": [],
    }
    assert set(told["files"]) == {"images.toml", "dodo.py", ".gitignore"}
    assert told["written"] == []


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    """A dodo.py of somebody's stays; what it lacks is told. .gitignore gets one line."""
    root = write(tmp_path / "shop", {**TWO, "dodo.py": "x = 1\n", ".gitignore": "*.log"})
    told = doit(root, "init").stdout
    assert (root / "dodo.py").read_text() == "x = 1\n"
    assert "it needs: from layers.tasks import" in told
    assert (root / ".gitignore").read_text() == "*.log\n.layers/\n"


def test_an_ignored_cache_is_not_ignored_twice(tmp_path: Path) -> None:
    """Where git ignores ``.layers/`` already, .gitignore stays."""
    root = write(tmp_path / "shop", {**TWO, ".gitignore": ".*/\n"})
    assert ".gitignore" not in proposed(root).files


def test_a_folder_without_git_has_no_gitignore(tmp_path: Path) -> None:
    """Nobody asked for git."""
    assert set(proposed(write(tmp_path / "x", TWO, git=False)).files) == {"images.toml", "dodo.py"}


def test_again_tells_what_has_come_and_add_appends_it(tmp_path: Path) -> None:
    """The rest of images.toml stays byte for byte, comments, blanks and all."""
    root = write(tmp_path / "shop", TWO)
    doit(root, "init")
    with open(root / "images.toml", "ab") as file:
        file.write("\n# a word of mine: ü\r\n[profiles.ci]".encode())
    before = (root / "images.toml").read_bytes()
    assert "images.toml has it all" in doit(root, "init").stdout
    write(root, {"web/Dockerfile": "FROM api\n"})
    told = doit(root, "init").stdout
    assert "web  web/Dockerfile in web  from api" in told
    assert "[images.web]" in told
    assert (root / "images.toml").read_bytes() == before
    assert "written: images.toml" in doit(root, "init", "--add").stdout
    after = (root / "images.toml").read_bytes()
    assert after.startswith(before)
    assert b"[images.web]" in after[len(before) :]
    assert "images.toml has it all" in doit(root, "init", "--add").stdout
    assert len(doit(root, "keys").stdout.splitlines()) == 3


def test_beside_an_images_toml_a_dodo_is_written_where_there_is_none(tmp_path: Path) -> None:
    """As the error of every other command promises; what has come since still waits for --add."""
    root = write(tmp_path / "shop", TWO)
    doit(root, "init")
    (root / "dodo.py").unlink()
    before = (root / "images.toml").read_bytes()
    write(root, {"web/Dockerfile": "FROM api\n"})
    assert "there is no dodo.py" in doit(root, "list", status=1).stderr
    assert not (root / "dodo.py").exists()
    told = doit(root, "init").stdout
    assert "[images.web]" in told
    assert "written: dodo.py; `doit init --add` appends it" in told
    assert (root / "images.toml").read_bytes() == before
    assert len(doit(root, "keys").stdout.splitlines()) == 2


def test_what_a_comment_leaves_out_is_not_offered_again(tmp_path: Path) -> None:
    """Somebody who does not want an image says so in images.toml."""
    root = write(tmp_path / "shop", TWO)
    doit(root, "init")
    write(root, {"tools/x/Dockerfile": "FROM debian:12\n", "tools/y/Dockerfile": "FROM debian:12"})
    with open(root / "images.toml", "a") as file:
        file.write("# left out: tools/x/Dockerfile: nobody needs it\n")
    assert list(images(proposed(root))) == ["y"]


def test_new_images_get_names_that_are_free(tmp_path: Path) -> None:
    """An image of another Dockerfile has the name already."""
    root = write(tmp_path / "shop", TWO)
    doit(root, "init")
    write(root, {"other/api/Dockerfile": "FROM debian:12\n"})
    assert list(images(proposed(root))) == ["other-api"]


def test_from_a_folder_below_the_project_is_meant(tmp_path: Path) -> None:
    """As for every command."""
    root = write(tmp_path / "shop", TWO)
    doit(root, "init")
    assert "images.toml has it all" in doit(root / "api", "init").stdout


def test_one_file_alone(tmp_path: Path) -> None:
    """``--from`` reads what it names and nothing else."""
    root = write(tmp_path / "shop", TWO)
    assert list(images(proposed(root, "api/Dockerfile"))) == ["api"]
    assert "there is no file" in doit(root, "init", "--from", "no.yaml", status=1).stderr
    assert "lies outside" in doit(root, "init", "--from", "/etc/passwd", status=1).stderr


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    """Status 1, and what was looked for."""
    told = doit(tmp_path, "init", status=1).stderr
    assert "has nothing that says how an image is built" in told
    assert os.listdir(tmp_path) == []


def test_where_no_dockerfile_can_be_read_nothing_is_written(tmp_path: Path) -> None:
    """Status 1, and each fault with its line."""
    root = write(tmp_path / "shop", {"Dockerfile": "FROM ${BASE}\nARG BASE\n"})
    told = doit(root, "init", status=1).stdout
    assert "Dockerfile:1: FROM ${BASE}: the name is empty" in told
    assert "no image can be proposed, and nothing was written" in told
    assert not (root / "images.toml").exists()


def test_an_images_toml_that_does_not_load_is_told_and_left(tmp_path: Path) -> None:
    """Its own faults come first."""
    root = write(tmp_path / "shop", {**TWO, "images.toml": "version = 1\nnonsense\n"})
    with pytest.raises(SpecError):
        proposed(root)
    assert "images.toml:2" in doit(root, "init", status=1).stderr


def test_a_folder_in_the_place_of_a_file_is_told(tmp_path: Path) -> None:
    """``images.toml/`` and ``dodo.py/`` are in the way."""
    for name in ("images.toml", "dodo.py"):
        root = write(tmp_path / name, {**TWO, f"{name}/x": ""})
        with pytest.raises(LayersError, match="is a folder"):
            adopt(str(root), NO_PROGRAMS, PLATFORM)


def test_names_are_refused_and_options_are_words(tmp_path: Path) -> None:
    """A mistake on the command line is a sentence."""
    root = write(tmp_path / "shop", TWO)
    assert "takes no names" in doit(root, "init", "api", status=1).stderr


@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\x00\xff\xfe",
        b"services: [",
        b"services: {a: {build: .}}\n",
        b"jobs: {a: {steps: 1}}",
        b"jobs: [[[",
        b"on: 1\njobs:\n  a: {strategy: {matrix: 1}, steps: [{uses: 3}]}\n",
        b"jobs: {a: {steps: [{uses: docker/build-push-action@v1, with: []}]}}",
        b"{}",
        b"- a\n",
    ],
)
def test_junk_in_any_file_is_no_traceback(tmp_path: Path, junk: bytes) -> None:
    """Whatever the files hold, the Dockerfile beside them is proposed."""
    names = ["compose.yaml", "docker-bake.hcl", "docker-bake.json", ".github/workflows/a.yml"]
    names += ["x.Dockerfile", ".github/actions/a/action.yml", ".env"]
    root = write(tmp_path / "shop", {**TWO, **dict.fromkeys(names, junk)})
    assert {"api", "base"} <= set(images(proposed(root)))
