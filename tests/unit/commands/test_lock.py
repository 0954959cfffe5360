"""``doit lock``: writes the lock over what it read, and over nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.commands import lock as command
from layers.lock.file import LockFile
from layers.lock.lock import Lock
from layers.project.project import Project
from tests.fakes_registry import MemoryRegistry
from tests.refreshworld import World
from tests.unit.machines import FixedBackends


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A project after a refresh; the registry that a lock asks is one in memory."""
    found = World(tmp_path / "repo")
    found.night()

    def backends(project: Project, _tell: object) -> FixedBackends:
        return FixedBackends(project, found.engine, found.registry)

    monkeypatch.setattr(command, "Backends", backends)
    return found


def run(world: World) -> int:
    """``doit lock --no-copy``."""
    return command._lock(str(world.root), [], copy=False)


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Have something else happen while a registry is asked, once."""
    real, todo = MemoryRegistry.manifest, [act]

    def asked(self: MemoryRegistry, *words: Any) -> Any:
        if todo:
            todo.pop()()
        return real(self, *words)

    monkeypatch.setattr(MemoryRegistry, "manifest", asked)


def test_what_moved_is_written(world: World) -> None:
    """The new digest, and nothing where nothing moved."""
    digest = world.upstream("tool:1", "2")
    assert run(world) == 0
    text = world.text
    assert str(digest) in text
    assert run(world) == 0
    assert world.text == text


def test_a_lock_that_another_wrote_meanwhile_is_left_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh's new epochs would else be lost without a word."""
    world.upstream("tool:1", "2")
    path = world.root / "images.lock"
    theirs = path.read_text() + "# a refresh was here\n"
    meanwhile(monkeypatch, lambda: void(path.write_text(theirs)))
    with pytest.raises(LayersError, match="changed by something else"):
        run(world)
    assert path.read_text() == theirs


def void(_: object) -> None:
    """Drop what a call gives."""


def test_without_upstreams_there_is_an_empty_lock(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says that somebody looked."""
    (tmp_path / "images.toml").write_text(
        'version = 1\n[project]\nname = "p"\n[images.app]\ncontext = "."\n'
    )
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    assert command._lock(str(tmp_path), [], copy=False) == 0
    assert Lock.parse((tmp_path / "images.lock").read_text()) == Lock()


def test_a_lock_that_changed_since_it_was_read_is_told_at_once(world: World) -> None:
    """Between the reading of the file and the guard around it there is no gap."""
    known = world.lock
    world.upstream("tool:1", "2")
    run(world)
    with pytest.raises(LayersError, match="changed by something else"):
        LockFile(str(world.root), known)
