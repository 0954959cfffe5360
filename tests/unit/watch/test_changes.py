"""Changes: what a real file system tells, taken together until it is quiet."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.watch.changes import Changes, git_at_work


class Watching:
    """A watcher over folders, which a test waits on."""

    def __init__(self, *folders: Path) -> None:
        self.stop = threading.Event()
        self.changes = Changes({str(each) for each in folders}, self.stop)

    def wait(self) -> set[str]:
        """Names that changed."""
        return {os.path.basename(path) for path in self.changes.wait(lambda: False)}


@pytest.fixture
def watching(tmp_path: Path) -> Iterator[Watching]:
    (tmp_path / "below").mkdir()
    (tmp_path / "file").write_text("1")
    found = Watching(tmp_path)
    yield found
    found.changes.close()


def test_a_checkout_of_300_files_is_one_change(watching: Watching, tmp_path: Path) -> None:
    """All of them, told once."""
    for number in range(300):
        (tmp_path / f"f{number}").write_text("x")
    found = watching.wait()
    assert {f"f{number}" for number in range(300)} <= found
    threading.Timer(0.5, watching.stop.set).start()
    assert watching.wait() == set()


def test_a_change_before_anybody_waits_is_told(watching: Watching, tmp_path: Path) -> None:
    """From the moment on that the watcher was made."""
    (tmp_path / "file").write_text("2")
    assert "file" in watching.wait()


def test_an_editor_that_renames_is_seen_each_time(watching: Watching, tmp_path: Path) -> None:
    """Another inode under the same name, again and again."""
    for text in ("2", "3", "4"):
        (tmp_path / "file~").write_text(text)
        (tmp_path / "file~").rename(tmp_path / "file")
        assert "file" in watching.wait()


def test_a_folder_that_nobody_reads_is_not_watched(watching: Watching, tmp_path: Path) -> None:
    """Not even where the folder above is."""
    (tmp_path / "below" / "x").write_text("1")
    threading.Timer(0.4, watching.stop.set).start()
    assert "x" not in watching.wait()


def test_a_change_is_held_back_while_somebody_is_busy(watching: Watching, tmp_path: Path) -> None:
    """As git is, in the midst of a checkout."""
    (tmp_path / ".git").mkdir()
    lock = tmp_path / ".git" / "index.lock"
    lock.write_text("")
    busy = git_at_work(str(tmp_path / "below"))
    asked = []

    def still() -> bool:
        asked.append(busy())
        if len(asked) == 3:
            lock.unlink()
        return asked[-1]

    (tmp_path / "file").write_text("2")
    assert watching.changes.wait(still)
    assert asked == [True, True, True, False]


def test_a_folder_that_went_is_a_change(tmp_path: Path) -> None:
    """To be looked at again."""
    found = Watching(tmp_path / "gone")
    assert found.wait() == {"gone"}
