"""The nightly workflow's steps around git, run as they are against a repository on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_workflows import ROOT, steps

NIGHTLY = ROOT / ".github" / "workflows" / "nightly-base-refresh.yml"
GH = """\
#!/bin/sh
# GitHub's side: $PULLS holds whether a pull request is open.
echo "$*" >> "$CALLS"
case "$*" in
"pr list"*) [ ! -s "$PULLS" ] || echo 7 ;;
"pr checkout 7") git checkout --quiet base-refresh ;;
"pr create"*) [ ! -s "$PULLS" ] && echo open > "$PULLS" ;;
esac
"""

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="needs git")


class Night:
    """A checkout of a fresh runner, its remote, and what ``gh`` was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.remote = folder, folder / "remote.git"
        self.calls, self.pulls = folder / "calls", folder / "pulls"
        tools = folder / "bin"
        tools.mkdir()
        (tools / "gh").write_text(GH)
        (tools / "gh").chmod(0o755)
        self.environ = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "CALLS": str(self.calls),
            "PULLS": str(self.pulls),
            "GITHUB_REF_NAME": "main",
            "GIT_CONFIG_NOSYSTEM": "1",
        }
        self.root = folder / "first"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), at=folder)
        self.clone("first")
        self.commit({"images.lock": "one\n", "code": "1\n", ".gitignore": ".layers\n"})

    def git(self, *words: str, at: Path | None = None) -> str:
        """Run git in the checkout."""
        done = subprocess.run(
            ["git", "-c", "user.name=dev", "-c", "user.email=dev@example.com", *words],
            cwd=at or self.root,
            env=self.environ,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def clone(self, name: str) -> None:
        """Begin a job: a checkout of main with all branches."""
        self.root = self.folder / name
        self.git("clone", "--quiet", str(self.remote), name, at=self.folder)
        (self.root / ".layers").mkdir()
        (self.root / ".layers" / "refresh.md").write_text("# report\n")

    def commit(self, files: dict[str, str]) -> None:
        """Somebody pushes to main."""
        if self.git("branch", "--list", "main"):
            self.git("switch", "--quiet", "main")
        for path, text in files.items():
            (self.root / path).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "work")
        self.git("push", "--quiet", "origin", "main")

    def run(self, lock: str | None) -> list[str]:
        """The steps around the refresh, which writes ``lock``; what gh was asked."""
        self.calls.write_text("")
        before, after = (self.step(name) for name in ("go on from", "pull request"))
        self.bash(before["run"])
        if lock is not None:
            (self.root / "images.lock").write_text(lock)
        self.bash(after["run"])
        return [" ".join(line.split()[:2]) for line in self.calls.read_text().splitlines()]

    def step(self, name: str) -> dict[str, Any]:
        """A step of the workflow, by the beginning of its name."""
        return next(step for step in steps(NIGHTLY) if step.get("name", "").startswith(name))

    def bash(self, script: str) -> None:
        """Run a script as GitHub's runner does: ``bash -e``."""
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.root,
            env=self.environ,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def on_branch(self, path: str) -> str:
        """A file as the pull request's branch has it at the remote."""
        return self.git("show", f"base-refresh:{path}", at=self.remote)


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A repository with a lock on main."""
    return Night(tmp_path)


def test_a_quiet_night_opens_nothing(night: Night) -> None:
    """No branch, no commit, no pull request."""
    assert night.run(None) == ["pr list"]
    assert night.git("branch", "--list", at=night.remote) == "* main"


def test_a_new_lock_becomes_a_pull_request_of_one_file(night: Night) -> None:
    """Whatever else lies about in the checkout."""
    (night.root / "left-over").write_text("x")
    assert night.run("two\n") == ["pr list", "pr create"]
    changed = night.git("diff", "--name-only", "main", "base-refresh", at=night.remote)
    assert (changed, night.on_branch("images.lock")) == ("images.lock", "two")
    assert night.git("show", "main:images.lock", at=night.remote) == "one"


def test_the_first_lock_of_all_is_committed_too(night: Night) -> None:
    """It is a file that git does not know yet."""
    night.git("rm", "--quiet", "images.lock")
    night.git("commit", "--quiet", "--message", "no lock")
    night.git("push", "--quiet", "origin", "main")
    assert night.run("one\n") == ["pr list", "pr create"]
    assert night.on_branch("images.lock") == "one"


def test_the_next_night_goes_on_from_an_open_pull_request(night: Night) -> None:
    """With what was merged into main meanwhile; the pull request's text is the new report."""
    night.run("two\n")
    night.commit({"code": "2\n"})
    night.clone("second")
    assert night.run("three\n") == ["pr list", "pr checkout", "pr create", "pr edit"]
    assert (night.on_branch("images.lock"), night.on_branch("code")) == ("three", "2")


def test_a_quiet_night_leaves_an_open_pull_request_alone(night: Night) -> None:
    """Its lock is the newest one."""
    night.run("two\n")
    night.clone("second")
    assert night.run(None) == ["pr list", "pr checkout"]
    assert night.on_branch("images.lock") == "two"


def test_after_a_merge_a_night_begins_anew(night: Night) -> None:
    """The branch that was left behind is written over."""
    night.run("two\n")
    night.pulls.write_text("")
    night.commit({"images.lock": "two\n"})
    night.clone("second")
    assert night.run("three\n") == ["pr list", "pr create"]
    commits = night.git("log", "--format=%s", "main..base-refresh", at=night.remote)
    assert commits == "images.lock: base refresh"
