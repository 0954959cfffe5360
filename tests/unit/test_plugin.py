"""doit itself says what failed, once, and writes a log of what is our fault."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from layers.runtime import crash

DODO = """
from doit.exceptions import TaskFailed
from layers.plugin import LayersReporter
DOIT_CONFIG = {{"reporter": LayersReporter, "verbosity": 0, "backend": "none"}}
def fail():
    return TaskFailed("pose-service: step 3 failed\\n  see the log\\n")
def fine():
    print("out")
def bug():
    raise ValueError("no such thing")
def task_a():
    yield {{"basename": "fine", "actions": [fine]}}
    yield {{"basename": "fresh", "actions": [fail], "uptodate": [True]}}
    yield {{"basename": "failing", "actions": [fail]}}
    yield {{"basename": "child", "actions": [fine], "task_dep": ["failing"]}}
    yield {{"basename": "buggy", "actions": [bug], "io": {{"capture": False}}, "meta": {{"layer": "buggy"}}}}
"""  # noqa: E501


@pytest.fixture
def doit(tmp_path: Path) -> Any:
    """Runs doit in a folder of its own, with our backend and reporter and no database."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    (tmp_path / "dodo.py").write_text(DODO.format())
    (tmp_path / "pyproject.toml").write_text(
        '[tool.doit.plugins.backend]\nnone = "layers.plugin:NoDatabase"\n'
    )

    def run(*arguments: Any) -> Any:
        return subprocess.run(
            [sys.executable, "-m", "doit", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
        )

    return run, tmp_path


def test_success_is_silent_and_leaves_no_file(doit: Any) -> None:
    """Neither doit's words nor its database."""
    run, folder = doit
    for _ in range(2):
        done = run("fine")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(os.listdir(folder)) == ["dodo.py", "pyproject.toml"]


def test_a_failure_is_its_message_alone(doit: Any) -> None:
    """Once, without a traceback or doit's own words around it."""
    done = doit[0]("failing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "pose-service: step 3 failed\n  see the log\n"


def test_what_needed_a_failed_task_says_so(doit: Any) -> None:
    """In one line, when the run goes on past failures."""
    done = doit[0]("run", "-c", "child")
    assert done.stderr == (
        "pose-service: step 3 failed\n  see the log\nchild: not done, because failing failed\n"
    )


def test_a_bug_leaves_a_log_to_paste(doit: Any) -> None:
    """The text says where; the log has the traceback and the versions."""
    run, folder = doit
    done = run("buggy")
    assert done.returncode == 2
    match = re.fullmatch(
        r"This is a bug of doit-layers: ValueError: no such thing\n"
        r"  Please report it with the contents of (\.layers/logs/bug-[0-9-]+\.log)\n",
        done.stderr,
    )
    assert match, done.stderr
    log = (folder / match[1]).read_text()
    assert re.match(r"python 3\.\d+\.\d+.*\ndoit-layers \d.*\ndoit 0\.37", log)
    assert 'raise ValueError("no such thing")' in log
    assert "\nsystem Linux" in log


def test_a_log_is_never_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two bugs in one second have two logs."""
    monkeypatch.setattr(crash, "_bugs", [])
    paths = [crash.bug_report(text, str(tmp_path)) for text in ("one", "two")]
    assert [Path(path).read_text().splitlines()[-1] for path in paths] == ["one", "two"]
    assert crash.bugs() == paths


def test_a_log_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug is shown all the same."""
    monkeypatch.setattr(crash, "_bugs", [])
    (tmp_path / ".layers").write_text("in the way")
    text = crash.bug_message(KeyError("x"), str(tmp_path))
    assert text.startswith("This is a bug of doit-layers: KeyError: 'x'\n  (its log cannot be")
    assert crash.bugs()
