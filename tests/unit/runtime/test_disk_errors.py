"""A disk that takes no more is the user's to mend, and no bug of ours."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from layers.build.buildx import BuildCall, run
from layers.commands.exit_status import BUG, MISTAKE, guarded
from layers.runtime.disk_errors import disk_fault
from layers.runtime.events import Event


def error(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EDQUOT, "no space left"),
        (errno.EROFS, "cannot be written"),
    ],
)
def test_the_disk_is_named(number: int, words: str) -> None:
    """With the file where that is known, and with what to do."""
    told = disk_fault(error(number, ".layers/stat"))
    assert told is not None
    assert words in told.message
    assert ".layers/stat" in told.message
    assert told.hint
    assert disk_fault(error(number)) is not None


@pytest.mark.parametrize("other", [error(errno.ENOENT, "x"), ValueError("no space left on device")])
def test_other_trouble_stays_what_it_is(other: Exception) -> None:
    """A file that should be there and is not may well be a bug."""
    assert disk_fault(other) is None


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, MISTAKE), (errno.ENOENT, BUG)])
def test_a_command_ends_with_the_right_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int, status: int
) -> None:
    """1 and a sentence for a full disk, 3 and a log for a bug."""

    def work() -> int:
        raise error(number, ".layers/stat")

    assert guarded(work, str(tmp_path)) == status
    said = capsys.readouterr().err
    assert ("make room" in said) == (status == MISTAKE)
    assert "Traceback" not in said


def test_a_build_ends_with_whoever_listens(tmp_path: Path) -> None:
    """No buildx goes on alone when its output can no longer be kept."""
    mark = tmp_path / "pid"
    program = (
        "import json, os, sys, time\n"
        f"open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "step = {'digest': 'd', 'name': '[1/1] RUN x', 'started': '2024-01-01T00:00:00Z'}\n"
        "print(json.dumps({'vertexes': [step]}), file=sys.stderr, flush=True)\n"
        "time.sleep(60)\n"
    )

    def full(_event: Event) -> None:
        raise error(errno.ENOSPC)

    call = BuildCall("a", str(tmp_path), "Dockerfile", None, "linux/amd64")
    call = BuildCall(**{**vars(call), "program": (sys.executable, "-c", program)})
    with pytest.raises(OSError, match="No space"):
        run(call, os.environ, str(tmp_path / "logs" / "build.log"), full)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
