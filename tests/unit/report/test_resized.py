"""A run on a terminal of any width, also one that changes while it runs."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from layers.report.terminal import folded, folds
from tests.screen import Screen

ROOT = Path(__file__).resolve().parents[3]

DRIVER = """
import sys
from layers.report.terminal import RichReport
from layers.runtime.events import Finished, Output, Started, Step, Transfer
now = [0.0]
report = RichReport(sys.stdout, clock=lambda: now[0], refresh=False)
report(Started("base", "build"))
report(Finished("base", "build", True, 3.0))
report(Started("pose-service", "build", "", 200.0))
report(Started("base-node", "pull"))
report(Step("pose-service", 4, 16, "[deps 3/5] RUN pip install -r requirements.lock"))
now[0] = 10.0
report(Transfer("base-node", 0, 355_000_000))
now[0] = 41.0
report(Transfer("base-node", 120_000_000, 355_000_000))
for line in sys.stdin:
    report(Output("pose-service", "Collecting " + line.strip()))
    sys.stderr.write("drawn\\n")
    sys.stderr.flush()
report.close()
"""
"""One layer done, two at work, drawn again for each line that is read."""

XTERM = {"XTERM_VERSION": "XTerm(379)"}


class Run:
    """`DRIVER` on a terminal, and the screen of that."""

    def __init__(
        self, width: int, *, cuts: bool = False, env: Mapping[str, str] | None = None
    ) -> None:
        self.screen = Screen(width, folds=not cuts)
        self.main, terminal = os.openpty()
        self.size(width)
        clean = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.child = subprocess.Popen(
            [sys.executable, "-c", DRIVER],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=terminal,
            stderr=subprocess.PIPE,
            text=True,
            env={**clean, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(env or {})},
        )
        os.close(terminal)

    def size(self, width: int) -> None:
        """Make the terminal so wide."""
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    def draw(self, word: str) -> list[str]:
        """Let it draw once more; what the screen shows then."""
        assert self.child.stdin is not None
        assert self.child.stderr is not None
        self.child.stdin.write(f"{word}\n")
        self.child.stdin.flush()
        assert self.child.stderr.readline() == "drawn\n"
        os.set_blocking(self.main, False)
        self._read()
        return self.screen.lines()

    def end(self) -> list[str]:
        """Let it end well; what stays on the screen."""
        _, errors = self.child.communicate(timeout=60)
        self._read()
        os.close(self.main)
        assert self.child.returncode == 0, errors
        return self.screen.lines()

    def _read(self) -> None:
        written = b""
        try:
            while chunk := os.read(self.main, 65536):
                written += chunk
        except OSError:  # nothing more for now, or the other end is closed
            pass
        self.screen.write(written.decode().replace("\r\n", "\n\r"))


SHOWN = {
    20: ["⠹ pose-service  0:41", "⠹ base-node     0:41"],
    40: [
        "⠹ pose-service  step 4/16 RUN pip…  0:41",
        "⠹ base-node     pull 120 MB         0:41",
    ],
    80: [
        "⠹ pose-service  step 4/16 RUN pip install…  Collecting flask  0:41 of about 3:20",
        "⠹ base-node     pull 120 MB of 355 MB, 3.9 MB/s               0:41 of about 1:42",
    ],
    120: [
        "⠹ pose-service  step 4/16 RUN pip install -r requirements.lock  Collecting flask"
        "                      0:41 of about 3:20",
        "⠹ base-node     pull 120 MB of 355 MB, 3.9 MB/s                                 "
        "                      0:41 of about 1:42",
    ],
}


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_each_layer_at_work_has_one_line_that_fits(width: int) -> None:
    """With little room the last line goes first, then what is expected, then the step."""
    run = Run(width)
    try:
        shown = run.draw("flask")
    finally:
        ended = run.end()
    assert shown[0] == "base  built in 3.0 s"
    assert shown[1:] == SHOWN.get(width, shown[1:])
    assert [len(line) for line in shown[1:]] == [width] * 2
    assert ended == ["base  built in 3.0 s"]


def test_no_color_is_heeded() -> None:
    """Bold and dim are no colours (no-color.org)."""
    found = {}
    cases: dict[str, dict[str, str]] = {"plain": {"NO_COLOR": "1"}, "coloured": {}}
    for name, env in cases.items():
        run = Run(80, env=env)
        run.draw("flask")
        run.end()
        codes = [part for code in run.screen.colours for part in code[:-1].split(";")]
        found[name] = {code for code in codes if code.startswith(("3", "4"))}
    assert found == {"plain": set(), "coloured": {"36", "32"}}


@pytest.mark.parametrize("widths", [(200, 80), (80, 20), (20, 120), (120, 33, 50, 21, 200)])
@pytest.mark.parametrize("cuts", [False, True], ids=["folds", "cuts"])
def test_a_terminal_may_change_its_width_meanwhile(widths: tuple[int, ...], cuts: bool) -> None:
    """What is finished stays, rows are drawn over, and nothing of them is left behind."""
    run = Run(widths[0], cuts=cuts, env=XTERM if cuts else {})
    try:
        run.draw("flask")
        for width in widths[1:]:
            run.size(width)
            run.screen.resize(width)
            shown = run.draw("flask")
            if width in SHOWN:
                assert shown == ["base  built in 3.0 s", *SHOWN[width]]
            assert len(shown) == 3
    finally:
        ended = run.end()
    assert ended == ["base  built in 3.0 s"]


def test_a_terminal_may_fold_before_it_says_so() -> None:
    """As tmux does, which tells a program a quarter of a second later."""
    run = Run(200)
    run.draw("flask")
    run.screen.resize(80)
    run.draw("flask")
    run.draw("flask")
    run.size(80)
    shown = run.draw("flask")
    run.end()
    assert shown == ["base  built in 3.0 s", *SHOWN[80]]


def test_one_that_is_taken_for_the_other_kind_is_seen() -> None:
    """The screen can tell: rows that were folded and not wiped away stay on it."""
    run = Run(200, env=XTERM)
    run.draw("flask")
    run.size(80)
    run.screen.resize(80)
    shown = run.draw("flask")
    run.end()
    assert len(shown) > 3


@pytest.mark.parametrize(
    ("rows", "width", "more"),
    [([80, 80], 80, 0), ([80, 80], 79, 2), ([80, 10], 40, 1), ([200], 20, 9), ([0], 5, 0)],
)
def test_a_narrower_terminal_folds_rows(rows: list[int], width: int, more: int) -> None:
    """Into so many lines more."""
    assert folded(rows, width) == more


def test_xterm_cuts_and_others_fold() -> None:
    """tmux folds in whatever it runs, and screen cuts."""
    assert folds({})
    assert not folds({"XTERM_VERSION": "XTerm(379)"})
    assert not folds({"STY": "1.pts", "VTE_VERSION": "7000"})
    assert folds({"XTERM_VERSION": "XTerm(379)", "TMUX": "/tmp/tmux-0/default,1,0"})
