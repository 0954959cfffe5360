"""Branches of git that bases are made from: they move as upstream images do, by a trial alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from layers.lock.epochs import Epoch
from layers.lock.git import Commit
from layers.lock.lock import Lock
from tests.refreshworld import DOCKERFILES, World, of, outcomes

AT = "https://git.example/x.git"
MAIN = f"{AT}#main"
NAMES = ("NAME", "EMAIL")
QUIET = {"base": "unchanged", "pose": "unchanged", "lone": "unchanged"}


class Repository:
    """What git itself finds at `AT` while a test runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        names = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in NAMES}
        environment = {**os.environ, **names}
        done = subprocess.run(
            ("git", "-C", str(self.folder), *words),
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self) -> Commit:
        """Somebody pushes to main."""
        self.git("commit", "--quiet", "--allow-empty", "--message=x")
        return Commit(self.git("rev-parse", "HEAD"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    folder = tmp_path / "x"
    folder.mkdir()
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{folder}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", AT)
    return Repository(folder)


@pytest.fixture
def world(tmp_path: Path, repository: Repository) -> World:
    """Two bases are made from one branch, and were refreshed once."""
    repository.commit()
    return adding(World(tmp_path / "repo"), "base", "lone")


def adding(world: World, *images: str) -> World:
    for image in images:
        (world.root / image / "Dockerfile").write_text(f"{DOCKERFILES[image]}ADD {MAIN} /src\n")
    world.night()
    return world


def test_a_branch_that_moved_rebuilds_its_bases_and_what_is_on_them(
    world: World, repository: Repository
) -> None:
    """The epochs know the commits; the next night is quiet."""
    before = world.lock.git[MAIN].commit
    assert world.base("lone").now.upstream[MAIN] == Commit(before)
    new = repository.commit()
    report = world.night()
    assert outcomes(report) == dict.fromkeys(QUIET, "refreshed")
    assert of(report, "lone").reasons == (f"{MAIN} moved: {before[:12]}… → {new.text[:12]}…",)
    assert [(each.name, each.new) for each in report.upstreams] == [(MAIN, new.text)]
    for image in ("base", "lone"):
        assert world.base(image).now.upstream[MAIN] == new
        assert world.key(image) == world.base(image).now.key
    assert world.lock.git[MAIN].commit == new.text
    assert Lock.parse(world.text).text() == world.text
    text = world.text
    assert (outcomes(world.night()), world.text) == (QUIET, text)


def test_a_base_that_fails_keeps_the_commit_for_all(world: World, repository: Repository) -> None:
    """Both are made from it, so that neither moves: lock and keys stay to the letter."""
    text = world.text
    repository.commit()
    world.broken = "lone"
    report = world.night()
    assert outcomes(report) == {"base": "failed", "pose": "failed", "lone": "failed"}
    assert world.text == text
    world.broken = ""
    assert outcomes(world.night()) == dict.fromkeys(QUIET, "refreshed")


def test_a_commit_that_brings_nothing_is_tried_once(tmp_path: Path, repository: Repository) -> None:
    """It is noted as seen, and the base stays at the commit that its key has."""
    repository.commit()
    world = World(tmp_path / "repo", reproducible=True)
    key = adding(world, "lone").key("lone")
    new = repository.commit()
    assert outcomes(world.night())["lone"] == "same content"
    assert world.base("lone").seen == {MAIN: new}
    assert world.key("lone") == key
    assert (outcomes(world.night()), world.built) == (QUIET, [])


def test_one_base_of_two_is_refreshed_and_the_other_stays_at_its_commit(
    world: World, repository: Repository
) -> None:
    """As with an image that both are made from; the whole night makes up for it."""
    key, old = world.key("base"), world.base("base").now.upstream[MAIN]
    new = repository.commit()
    assert outcomes(world.night("lone")) == {"lone": "refreshed"}
    assert world.lock.git[MAIN].commit == new.text
    assert world.base("base").pins == {MAIN: old}
    assert world.key("base") == key
    assert outcomes(world.night())["base"] == "refreshed"
    assert world.base("base").pins == {}


def test_a_rollback_goes_back_to_the_commit_of_then(world: World, repository: Repository) -> None:
    """And the branch that was rolled back from is no reason the next night."""
    was = world.base("lone").now
    repository.commit()
    world.night()
    world.rollback("lone")
    assert world.base("lone").now == was
    assert world.key("lone") == was.key
    assert world.base("lone").pins == {MAIN: was.upstream[MAIN]}
    assert outcomes(world.night()) == QUIET


def test_a_lock_that_does_not_name_the_commits_of_its_bases_is_read(
    world: World, repository: Repository
) -> None:
    """As an earlier release wrote it: a base that is not asked for stays at the shared commit."""

    def without(epoch: Epoch) -> Epoch:
        kept = {name: each for name, each in epoch.upstream.items() if name != MAIN}
        return epoch._replace(upstream=kept)

    older = [base._replace(now=without(base.now)) for base in world.lock.bases.values()]
    (world.root / "images.lock").write_text(world.lock.with_bases(older).text())
    key = world.key("base")
    repository.commit()
    assert outcomes(world.night("lone")) == {"lone": "refreshed"}
    assert world.key("base") == key


def test_a_repository_that_does_not_answer_fails_its_bases_alone(
    tmp_path: Path, repository: Repository
) -> None:
    """And nothing of them is written."""
    repository.commit()
    world = adding(World(tmp_path / "repo"), "lone")
    text = world.text
    repository.folder.rename(tmp_path / "away")
    report = world.night()
    assert outcomes(report) == {**QUIET, "lone": "failed"}
    assert f"{MAIN}: git ls-remote: " in of(report, "lone").failure
    assert world.text == text
