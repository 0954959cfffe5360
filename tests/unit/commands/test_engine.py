"""``doit engine``: ends as every other command does, whatever happens in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def engine(folder: Path, happens: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, where a look at the engine's status ends otherwise."""
    program = (
        "import os, signal, sys, time\n"
        "import layers.setup.status as looked\n"
        f"def status(root):\n    {happens}\n"
        "looked.status = status\n"
        "from layers.commands.engine import EngineCommand\n"
        "sys.exit(EngineCommand().execute({}, sys.argv[1:]))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_bug_is_status_3_and_leaves_a_log(tmp_path: Path) -> None:
    """One sentence, no traceback; the log has that."""
    done = engine(tmp_path, "raise KeyError('it broke')")
    assert done.returncode == 3
    assert "This is a bug of doit-layers" in done.stderr
    assert "Traceback" not in done.stderr
    (log,) = (tmp_path / ".layers" / "logs").glob("bug-*.log")
    assert "it broke" in log.read_text()


def test_ctrl_c_is_status_130(tmp_path: Path) -> None:
    """And a sentence."""
    done = engine(tmp_path, "os.kill(os.getpid(), signal.SIGINT); time.sleep(60)")
    assert done.returncode == 130
    assert "interrupted" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [("sotp",), ("stop", "now")])
def test_an_unknown_word_is_the_users_mistake(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Told with what there is."""
    done = engine(tmp_path, "pass", *words)
    assert done.returncode == 1
    said = f"engine: unknown {' '.join(words)!r} (did you mean 'stop'?)"
    assert done.stderr == f"{said}\n  it takes start, stop or env\n"
