"""The demo's own promises: it leaves the checkout as it was, and does not repeat itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.demo import Row, edited, remembered, table


def test_an_edit_is_taken_back_also_when_something_fails(tmp_path: Path) -> None:
    """The file has its own bytes again, whatever happened meanwhile."""
    file = tmp_path / "app.py"
    file.write_bytes(b"print(1)\n")

    def fail() -> None:
        with edited(str(file)):
            assert file.read_bytes().startswith(b"print(1)\n# demo edit ")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert file.read_bytes() == b"print(1)\n"


def test_no_two_edits_are_the_same(tmp_path: Path) -> None:
    """Else the second demo would find the image of the first, and show nothing."""
    file = tmp_path / "app.py"
    file.write_bytes(b"")
    seen = set()
    for _ in range(3):
        with edited(str(file)):
            seen.add(file.read_bytes())
    assert len(seen) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"keys": ["a"]}', '{"keys": ["a"], "rows": 1}'])
def test_a_damaged_memory_means_that_it_was_never_shown(tmp_path: Path, text: str) -> None:
    """It costs time, nothing else."""
    (tmp_path / ".layers").mkdir()
    (tmp_path / ".layers/demo.json").write_text(text)
    assert remembered(str(tmp_path), ["a"]) == []


def test_what_was_shown_for_other_keys_does_not_count(tmp_path: Path) -> None:
    """A change of the images is worth another look."""
    (tmp_path / ".layers").mkdir()
    record = {"keys": ["a"], "rows": [["doit", "pulled", 10.0]]}
    (tmp_path / ".layers/demo.json").write_text(json.dumps(record))
    assert remembered(str(tmp_path), ["a"]) == [Row("doit", "pulled", 10.0)]
    assert remembered(str(tmp_path), ["b"]) == []


def test_the_table_marks_what_an_earlier_run_showed() -> None:
    """Columns are aligned, times are for people."""
    assert table([Row("doit", "six big images", 105.0)], [Row("doit base", "pulled", 10.4)]) == (
        "step       what it shows   time\n"
        "doit       six big images  1:45 min\n"
        "doit base  pulled          10 s  (earlier)\n"
    )
