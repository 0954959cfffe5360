"""History survives damage and other processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.project import history
from layers.project.history import History, Took, likely


def fill(path: Any, *times: Any, ok: Any = True, layer: Any = "a") -> None:
    for seconds in times:
        History(str(path)).record(layer, "build", "k", seconds, ok)


def test_a_layer_never_seen_has_no_expectation(tmp_path: Path) -> None:
    """No file, no guess."""
    assert History(str(tmp_path / "none" / "h")).expected("a", "build") is None


def test_the_last_five_good_ones_tell_what_is_expected(tmp_path: Path) -> None:
    """Old and failed work does not count, nor does that of another layer or kind."""
    path = tmp_path / ".layers" / "h"
    fill(path, 1000, 1000, 1, 2, 30, 4, 5)
    fill(path, 0.1, ok=False)
    fill(path, 77, layer="b")
    known = History(str(path))
    assert round(known.expected("a", "build") or 0, 1) == 4.7
    assert known.expected("b", "build") == 77
    assert known.expected("a", "pull") is None


def test_the_key_before_is_the_last_other_one_that_was_built(tmp_path: Path) -> None:
    """Of the same layer; what failed, or was pulled, is none."""
    known = History(str(tmp_path / "h"))
    known.record("a", "build", "k1", 1, True)
    known.record("a", "build", "k2", 1, True)
    known.record("a", "build", "k3", 1, False)
    known.record("a", "pull", "k4", 1, True)
    known.record("b", "build", "k5", 1, True)
    assert known.before("a", "k2") == "k1"
    assert known.before("a", "k9") == "k2"
    assert known.before("b", "k5") is None


def test_all_that_is_remembered_is_told_oldest_first(tmp_path: Path) -> None:
    """A line that tells no time, as of an older version, is left out."""
    path = tmp_path / "h"
    rows = [
        {"time": at, "layer": layer, "action": "build", "key": "k", "seconds": at / 2, "ok": True}
        for at, layer in ((7, "b"), (3, "a"))
    ]
    old = {**rows[0]}
    del old["time"]
    path.write_text(
        "".join(f"{json.dumps(each)}\n" for each in (*rows, old, {**rows[1], "key": 1}))
    )
    known = History(str(path))
    for _ in range(2):
        known.learn([Took("a", "build", 5, 9.0)])
    assert known.works() == [
        (3.0, "a", "build", "k", 1.5, True),
        (5.0, "a", "build", "", 9.0, True),
        (7.0, "b", "build", "k", 3.5, True),
    ]


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([7], 7),
        ([9, 3], 5),
        ([4, 8, 5], 5.5),
        ([600, 600, 600, 600, 1], 529.5),  # one odd time
        ([600, 600, 1, 600, 600], 600),
        ([10, 10, 10, 30, 30], 30),  # two alike: the machine is slower now
        ([30, 10, 20, 50, 40], 40.4),
    ],
)
def test_newer_times_weigh_more(times: list[float], found: float) -> None:
    """Each twice the one before it."""
    assert round(likely(times), 1) == found


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5), st.floats(0, 1e6))
def test_what_is_expected_was_about_seen(times: list[float], more: float) -> None:
    """It lies among the times, and a longer one more never makes it shorter."""
    assert min(times) <= likely(times) * (1 + 1e-9)
    assert likely(times) <= max(times) * (1 + 1e-9)
    assert likely([*times, more]) <= likely([*times, more + 1]) * (1 + 1e-9)


def test_a_record_counts_at_once(tmp_path: Path) -> None:
    """In the same run too, whether the file was read before or not."""
    known = History(str(tmp_path / "h"))
    assert known.expected("a", "build") is None
    known.record("a", "build", "k", 3, True)
    assert known.expected("a", "build") == 3


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"{",
        b"[]",
        b"null",
        b'{"layer": "a", "action": "build", "ok": true}',
        b'{"layer": "a", "action": "build", "ok": true, "seconds": "9"}',
        b'{"layer": "a", "action": "build", "ok": true, "seconds": NaN}',
        b'{"layer": "a", "action": "build", "ok": true, "seconds": -9}',
        b'{"layer": ["a"], "action": "build", "ok": true, "seconds": 9}',
        b'{"layer": "a", "action": "build", "ok": 1, "seconds": 9}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_left_out(tmp_path: Path, line: Any) -> None:
    """And the ones around it count."""
    path = tmp_path / "h"
    fill(path, 8, 8)
    path.write_bytes(line + b"\n" + path.read_bytes() + line + b"\n")
    fill(path, 5)
    assert History(str(path)).expected("a", "build") == likely([8, 8, 5])


@settings(deadline=None)  # it writes files, on whatever disk
@given(cut=st.integers(1, 300))
def test_a_torn_file_keeps_what_stands_whole(
    tmp_path_factory: pytest.TempPathFactory, cut: Any
) -> None:
    """Wherever a crash cut the file, whole lines and the next record count."""
    path = tmp_path_factory.mktemp("h") / "h"
    fill(path, 2, 2, 2)
    path.write_bytes(path.read_bytes()[:-cut])
    fill(path, 2)
    assert History(str(path)).expected("a", "build") == 2


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """History is a help, never a hindrance."""
    (tmp_path / "h").mkdir()
    known = History(str(tmp_path / "h"))
    known.record("a", "build", "k", 1, True)
    assert known.expected("a", "build") is None


def test_a_large_file_is_pruned_to_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each layer keeps its last records."""
    monkeypatch.setattr(history, "_LARGE", 2000)
    path = tmp_path / "h"
    fill(path, *range(1, 200))
    fill(path, 7, layer="rare")
    fill(path, *range(200, 300))
    assert path.stat().st_size < 5000
    assert History(str(path)).expected("a", "build") == likely(range(295, 300))
    assert History(str(path)).expected("rare", "build") == 7


def test_two_processes_at_once_lose_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every record of each is there whole, though both prune."""
    path = str(tmp_path / "h")
    code = (
        "import sys; from layers.project import history; history._LARGE = 3000\n"
        "for n in range(150):\n"
        "    history.History(sys.argv[1]).record(sys.argv[2], 'build', 'k', n, True)"
    )
    runs = [subprocess.Popen([sys.executable, "-c", code, path, name]) for name in "xy"]
    assert [run.wait() for run in runs] == [0, 0]
    last: dict[str, list[float]] = {}
    for line in (tmp_path / "h").read_text().splitlines():
        record = json.loads(line)
        last.setdefault(record["layer"], []).append(record["seconds"])
    assert last["x"][-20:] == list(range(130, 150))
    assert last["y"][-20:] == list(range(130, 150))


def test_when_a_key_was_last_built_is_remembered(tmp_path: Path) -> None:
    """A pull, a failure or another key is no build of it."""
    path = tmp_path / "h"
    lines = [
        {"layer": "a", "action": "build", "key": "k", "time": 5, "seconds": 1, "ok": True},
        {"layer": "a", "action": "build", "key": "k", "time": 7, "seconds": 1, "ok": True},
        {"layer": "a", "action": "build", "key": "k", "time": 8, "seconds": 1, "ok": False},
        {"layer": "a", "action": "pull", "key": "k", "time": 9, "seconds": 1, "ok": True},
        {"layer": "a", "action": "build", "key": "other", "time": 9, "seconds": 1, "ok": True},
        {"layer": "a", "action": "build", "key": "k", "time": "x", "seconds": 1, "ok": True},
        {"layer": "a", "action": "build", "key": "k", "seconds": 1, "ok": True},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert History(str(path)).made("a", "k") == 7
    assert History(str(path)).made("a", "none") is None
