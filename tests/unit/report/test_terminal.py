"""A run on a terminal: compared as the screen that its reader sees."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from typing import Any

import pytest

from layers.report.plain import PlainReport
from layers.report.report import report_for
from layers.report.terminal import RichReport
from layers.runtime.events import Finished, Output, Started, Step, Transfer, Warned
from tests.screen import Screen


class Terminal:
    """A pseudo terminal, and the screen that what was written to it gives."""

    def __init__(self, columns: Any = 60) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.stream = os.fdopen(slave, "w", encoding="utf-8")
        self.columns = columns
        self.raw = ""
        os.set_blocking(self.master, False)

    def read(self) -> Any:
        self.stream.flush()
        try:
            while chunk := os.read(self.master, 65536):
                self.raw += chunk.decode()
        except (BlockingIOError, OSError):
            pass
        return self.raw

    def screen(self) -> Any:
        """Lines as they show, without trailing spaces; the cursor as the last item."""
        shown = Screen(10**6)
        shown.write(self.read())
        return shown.lines(), shown.cursor


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A report on a terminal of 60 columns, drawn after each event, with a clock that is set."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    terminal = Terminal()
    now = [0.0]
    report = RichReport(terminal.stream, clock=lambda: now[0], refresh=False)
    yield report, now, terminal
    report.close()


def test_layers_at_work_stand_below_what_is_finished(run: Any) -> None:
    """Step, name, elapsed and expected; bytes for what moves."""
    report, now, terminal = run
    report(Started("pose-service", "build", "code changed", 200.0))
    report(Started("base-node", "pull"))
    report(Step("pose-service", 3, 9, "[deps 3/5] RUN pip install -r requirements.lock"))
    now[0] = 41
    report(Transfer("base-node", 120_000_000, 355_000_000))
    assert terminal.screen() == (
        [
            "⠹ pose-service  step 3/9 RUN pip instal…  0:41 of about 3:20",
            "⠹ base-node     pull 120 MB of 355 MB                   0:41",
        ],
        False,
    )
    report(Finished("base-node", "pull", True, 43.0, "355 MB"))
    assert terminal.screen()[0] == [
        "base-node  pulled in 43 s: 355 MB",
        "⠹ pose-service  step 3/9 RUN pip instal…  0:41 of about 3:20",
    ]
    report(Warned("the registry does not answer"))
    report(Output("pose-service", "Collecting flask"))
    report(Finished("pose-service", "build", False, 62.0))
    assert terminal.screen() == (
        [
            "base-node  pulled in 43 s: 355 MB",
            "warning: the registry does not answer",
            "pose-service  build failed after 1:02 min",
        ],
        True,
    )


def test_what_comes_between_two_works_is_not_drawn_over(run: Any) -> None:
    """Rows go when nothing is at work and come back with the next layer."""
    report, _, terminal = run
    report(Started("a", "build"))
    report(Finished("a", "build", True, 1.0))
    terminal.stream.write("from somebody else\n")
    report(Started("b", "build"))
    report(Finished("b", "build", True, 1.0))
    assert terminal.screen() == (
        ["a  built in 1.0 s", "from somebody else", "b  built in 1.0 s"],
        True,
    )


@pytest.mark.parametrize("columns", [1, 5, 12, 20, 33, 47, 80, 200])
@pytest.mark.parametrize("name", ["a", "pose-service-of-a-very-long-name:runtime", "表" * 30])
def test_a_row_never_wraps(monkeypatch: pytest.MonkeyPatch, columns: Any, name: Any) -> None:
    """Else moving rows would leave garbage above."""
    from rich.cells import cell_len

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    terminal = Terminal(columns)
    report = RichReport(terminal.stream, clock=lambda: 0.0, refresh=False)
    report(Started(name, "build", "", 20000.0))
    report(Step(name, 3, 9, "[3/9] RUN \x1b[2J" + "表x " * 100))
    lines, _ = terminal.screen()
    report.close()
    assert len(lines) == 1
    assert 0 < cell_len(lines[0]) <= columns


def test_closing_in_the_middle_leaves_a_clean_screen(run: Any) -> None:
    """After Ctrl-C: no row, the cursor shown; closing twice is no error."""
    report, _, terminal = run
    report(Started("a", "build"))
    report.close()
    report.close()
    assert terminal.screen() == ([], True)


def test_events_of_many_threads_are_all_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """While rich's own thread draws."""
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal(80)
    report = report_for(terminal.stream, env={"TERM": "xterm"})

    def work(name: Any) -> None:
        report(Started(name, "build"))
        for number in range(20):
            report(Step(name, number, 20, "[1/2] RUN x"))
            terminal.read()
        report(Finished(name, "build", True, 1.0))

    threads = [threading.Thread(target=work, args=(f"n{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    report.close()
    lines, cursor = terminal.screen()
    assert (sorted(lines), cursor) == ([f"n{n}  built in 1.0 s" for n in range(8)], True)


DRIVER = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from layers.report.report import report_for
from layers.runtime.events import Finished, Started, Warned
report = report_for(sys.stdout)
if sys.argv[2] == "idle":
    report.idle(["a"], 0.1)
    report.close()
    print("rich" in sys.modules)
    sys.exit()
report(Started("a", "build"))
if sys.argv[2] == "interrupt":
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(10)
print("printed meanwhile")
report(Finished("a", "build", True, 1.0))
print("rich" in sys.modules)
sys.exit()
"""


def drive(mode: Any, **env: Any) -> Any:
    """Run `DRIVER` on a terminal; its screen and status."""
    terminal = Terminal(80)
    root = os.path.dirname(
        os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    )
    clean = {k: v for k, v in os.environ.items() if k not in ("CI", "COLUMNS", "NO_COLOR")}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, root, mode],
        stdin=terminal.stream,
        stdout=terminal.stream,
        stderr=subprocess.PIPE,
        env={**clean, "TERM": "xterm", "PYTHONIOENCODING": "utf-8", **env},
        timeout=60,
    )
    return terminal.screen(), done.returncode


def test_rich_is_not_loaded_when_nothing_is_to_do() -> None:
    """An up-to-date run is free."""
    assert drive("idle") == ((["a is up to date (0.10 s)", "False"], True), 0)


def test_what_is_printed_meanwhile_stands_above_the_rows() -> None:
    """Whoever prints it."""
    assert drive("work") == ((["printed meanwhile", "a  built in 1.0 s", "True"], True), 0)


def test_the_cursor_is_shown_after_an_interrupt_that_nobody_caught() -> None:
    """By atexit, where close was not reached."""
    screen, status = drive("interrupt")
    assert status == -signal.SIGINT
    assert screen == ([], True)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}, {"CI": "true"}])
def test_a_terminal_that_cannot_do_it_gets_plain_lines(env: Any) -> None:
    """So does a build server's that claims to be one."""
    (lines, cursor), status = drive("work", **env)
    assert (lines, cursor, status) == (
        ["[a] build", "printed meanwhile", "[a] built in 1.0 s", "False"],
        True,
        0,
    )


def test_a_pipe_gets_plain_lines() -> None:
    """Whatever the terminal's type."""
    with open(os.devnull, "w") as stream:
        assert isinstance(report_for(stream, env={"TERM": "xterm"}), PlainReport)


def test_layers_that_begin_at_once_share_one_set_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two displays on one terminal would leave rows behind that nobody takes away."""
    made: list[object] = []

    class Slow:
        """Stands in for the display, and takes its time to come up."""

        def __init__(self, stream: object) -> None:
            made.append(stream)
            time.sleep(0.05)

        def __call__(self, event: object) -> None:
            """Show nothing."""

        def close(self) -> None:
            """Leave nothing."""

    monkeypatch.setattr("layers.report.terminal.RichReport", Slow)

    class Tty(io.StringIO):
        """A terminal, as far as anybody asks."""

        def isatty(self) -> bool:
            return True

    report = report_for(Tty(), env={"TERM": "xterm"})
    threads = [threading.Thread(target=report, args=(Started(name, "build"),)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.close()
    assert len(made) == 1
