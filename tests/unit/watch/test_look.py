"""Looks: the disk as it is, each time anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.project.project import Project
from layers.watch.look import Look, look
from layers.watch.stackfiles import stack_files

FILES = {
    "images.toml": (
        'version = 1\n[project]\nname = "p"\n[images.base]\ncontext = "base"\n'
        '[images.app]\ncontext = "app"\n[images.other]\ncontext = "other"\n'
        '[stacks.all]\ncompose = ["stack/compose.yaml"]\n'
    ),
    "base/Dockerfile": "FROM scratch\nCOPY base.txt /\n",
    "base/base.txt": "1\n",
    "app/Dockerfile": "FROM base\nCOPY requirements.txt /\nCOPY src /src\n",
    "app/.dockerignore": "**/*.log\n",
    "app/requirements.txt": "flask==3.0\n",
    "app/src/a.py": "1\n",
    "app/src/x.log": "1\n",
    "app/notes.txt": "1\n",
    "other/Dockerfile": "FROM scratch\nCOPY o /\n",
    "other/o": "1\n",
    "stack/compose.yaml": (
        "include: [more.yaml]\n"
        "services:\n  app: {image: p-app, env_file: [one.env, {path: two.env}]}\n"
    ),
    "stack/more.yaml": "services:\n  x: {extends: {file: far/base.yaml, service: x}}\n",
    "stack/one.env": "A=1\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def seen(root: Path, *stacks: str) -> Look:
    return look(lambda: Project(str(root)), str(root), Layer("app"), stacks)


COUNTS = (
    *("app/src/a.py", "app/requirements.txt", "app/Dockerfile", "base/base.txt", "app/src/new.py"),
    *("base/Dockerfile",),
)


def edit(path: str) -> Callable[[Path], None]:
    def write(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("a") as file:
            file.write('RUN ["a"]\n' if path.endswith("Dockerfile") else "2\n")

    return write


@pytest.mark.parametrize("path", COUNTS)
def test_what_the_key_covers_makes_another_state(path: str, root: Path) -> None:
    """Also in a parent, and also a file that was not there before; its folder is watched."""
    before = seen(root)
    edit(path)(root)
    after = seen(root)
    assert before.state != after.state != ""
    assert str((root / path).parent) in before.places


def test_an_ignore_file_and_images_toml_count(root: Path) -> None:
    """By what they change in the key."""
    states = [seen(root).state]
    (root / "app/.dockerignore").write_text("")
    states.append(seen(root).state)
    spec = FILES["images.toml"].replace('context = "app"', 'context = "app"\ntarget = "0"')
    (root / "images.toml").write_text(spec.replace('target = "0"', 'args = {A = "1"}'))
    (root / "app/Dockerfile").write_text('FROM base\nARG A\nCOPY src /src\nRUN ["a"]\n')
    states.append(seen(root).state)
    assert len(set(states)) == 3


@pytest.mark.parametrize(
    "path", ["app/src/x.log", "app/notes.txt", "other/o", "stack/compose.yaml", "README"]
)
def test_what_the_key_does_not_cover_changes_nothing(path: str, root: Path) -> None:
    """Ignored, not copied, of another image, or nothing of any."""
    before = seen(root)
    edit(path)(root)
    assert seen(root) == before


def test_folders_of_other_images_are_not_watched(root: Path) -> None:
    """Nor those that nobody copies from."""
    (root / "app" / "data" / "deep").mkdir(parents=True)
    found = {os.path.relpath(path, root) for path in seen(root).places}
    assert found == {".", "app", "app/src", "base"}


@pytest.mark.parametrize(
    "path",
    ["stack/compose.yaml", "stack/more.yaml", "stack/one.env", "stack/two.env", "stack/.env"],
)
def test_a_stacks_files_count_where_it_is_brought_up(path: str, root: Path) -> None:
    """Compose files, what they include, env files; those that come into being, too."""
    before = seen(root, "all")
    edit(path)(root)
    assert seen(root, "all").state != before.state
    assert str(root / "stack") in before.places


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("app/Dockerfile", "FRM base\n", "app/Dockerfile:1"),
        ("images.toml", "version = 1\n[", "images.toml:2"),
        ("images.toml", FILES["images.toml"].replace("images.app", "images.ap"), "app is no image"),
        ("base/Dockerfile", "FROM scratch\nCOPY gone /\n", "gone"),
    ],
)
def test_what_is_broken_has_a_fault_and_no_state(
    path: str, text: str, words: str, root: Path
) -> None:
    """Told as `doit` tells it; mended, the state is as it was."""
    before = seen(root)
    (root / path).write_text(text)
    broken = seen(root)
    assert broken.state == ""
    assert words in broken.fault
    (root / path).write_text(FILES[path])
    assert seen(root).state == before.state


def test_a_stack_that_includes_itself_ends(tmp_path: Path) -> None:
    """And a file that is no YAML names nothing."""
    (tmp_path / "a.yaml").write_text("include:\n  - path: [a.yaml, b.yaml]\n    env_file: c.env\n")
    (tmp_path / "b.yaml").write_text("{")
    names = [os.path.relpath(path, tmp_path) for path in stack_files([str(tmp_path / "a.yaml")])]
    assert names == [".env", "a.yaml", "b.yaml", "c.env"]
