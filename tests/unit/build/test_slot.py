"""What was sent is remembered only where it is certain, and a slot is one build's at a time."""

from __future__ import annotations

import shutil
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from layers.build.context.ledger import Row
from layers.build.context.slot import AT_ONCE, FIRST, Slot, slot

ROWS = [Row("", "a", "file", 3, 10, 0o644, "x:3"), Row("", "odd\udcff\n", "link", 0, 1, 0, "b")]


def build(folder: Path, rows: list[Row] | None = None, *, end: bool = True) -> tuple[str, str]:
    """One build: the name it was sent under, and why that was a new one."""
    context = folder.parent / "context"
    context.mkdir(exist_ok=True)
    with slot(str(folder)) as held:
        reason = held.begin(str(context), "s", ROWS if rows is None else rows)
        assert Path(held.link).resolve() == context
        if end:
            held.finish()
        return held.name, reason


def test_a_name_is_kept_while_nothing_is_suspicious(tmp_path: Path) -> None:
    """Also for names that are no UTF-8 or hold a newline."""
    name, reason = build(tmp_path / "sent")
    assert reason == FIRST
    edited = [ROWS[0]._replace(mtime=11, value="y:3"), ROWS[1]]
    assert build(tmp_path / "sent", edited) == (name, "")
    assert build(tmp_path / "sent") == (name, "")


def test_a_suspicious_row_takes_a_new_name_and_leaves_one_link(tmp_path: Path) -> None:
    """The memory of the old name goes with it."""
    name, _ = build(tmp_path / "sent")
    other, reason = build(tmp_path / "sent", [ROWS[0]._replace(value="y:3")])
    assert other != name
    assert "a changed" in reason
    assert [path.name for path in (tmp_path / "sent" / "0").iterdir() if path.is_symlink()] == [
        other
    ]
    assert build(tmp_path / "sent", [ROWS[0]._replace(value="y:3")]) == (other, "")


def test_a_build_that_did_not_end_takes_a_new_name(tmp_path: Path) -> None:
    """Killed, failed in the transfer, or files moved: nobody knows what BuildKit holds."""
    name, _ = build(tmp_path / "sent", end=False)
    other, reason = build(tmp_path / "sent")
    assert other != name
    assert "how the last transfer ended" in reason


def _cut(folder: Path) -> None:
    path = folder / "0" / ".rows"
    path.write_text(path.read_text()[:-5])


def _garble(folder: Path) -> None:
    (folder / "0" / ".rows").write_text("[1, 2\n")


def _copy_back(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "backup", symlinks=True)
    shutil.rmtree(folder)
    (folder.parent / "backup").rename(folder)


def _move(folder: Path) -> None:
    head = folder / "0" / ".rows"
    head.write_text(head.read_text().replace(str(folder), "/elsewhere", 1))


def _reboot(folder: Path) -> None:
    head = folder / "0" / ".rows"
    head.write_text(head.read_text().replace('"boot": "', '"boot": "0', 1))


@pytest.mark.parametrize("harm", [shutil.rmtree, _cut, _garble, _copy_back, _move, _reboot])
def test_a_memory_that_is_not_whole_and_ours_counts_for_nothing(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    """Deleted, cut off, garbled, put back from a copy, another checkout's, before a restart."""
    name, _ = build(tmp_path / "sent")
    harm(tmp_path / "sent")
    other, reason = build(tmp_path / "sent")
    assert other != name
    assert reason


def test_two_builds_at_once_have_two_names(tmp_path: Path) -> None:
    """And each finds its own again."""
    folder = str(tmp_path / "sent")
    (tmp_path / "context").mkdir()

    def begin(held: Slot) -> str:
        held.begin(str(tmp_path / "context"), "s", ROWS)
        held.finish()
        return held.name

    with slot(folder) as one, slot(folder) as two:
        names = begin(one), begin(two)
    assert len(set(names)) == 2
    with slot(folder) as one, slot(folder) as two:
        assert (begin(one), begin(two)) == names


def test_rows_that_are_as_they_were_are_held_once(tmp_path: Path) -> None:
    """Of 150,000 files a second copy was 60 MB, and the text of all of them twice 20 MB."""
    count = 5 * AT_ONCE
    rows = [
        Row("", f"folder/file{number:06}", "file", 3, number, 0o644, f"{number:034}")
        for number in range(count)
    ]
    name, _ = build(tmp_path / "sent", rows)
    tracemalloc.start()
    try:
        assert build(tmp_path / "sent", rows) == (name, "")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak / count < 400
