"""Children: a ``doit`` of its own for each build, which ends in its own order with us."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.watch.child import SIGNALS, Children

SCRIPT = """\
import pathlib, signal, sys, time
def leave(*_):
    pathlib.Path("left").write_text("in order")
    sys.exit(130)
signal.signal(signal.SIGTERM, leave)
pathlib.Path("ready").write_text("")
if sys.argv[1] == "wait":
    time.sleep(60)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """Children that run a script in the place of doit; signals are as before afterwards."""
    script = tmp_path / "doit"
    script.write_text(SCRIPT)
    monkeypatch.setattr(sys, "argv", [str(script)])
    before = {number: signal.getsignal(number) for number in SIGNALS}
    found = Children(str(tmp_path))
    found.install()
    yield found
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_child_tells_how_it_ended(children: Children) -> None:
    """By its exit status."""
    assert [children.run(["0"]), children.run(["1"])] == [0, 1]
    assert not children.stop.is_set()


def test_a_signal_ends_the_child_in_its_own_order(children: Children, tmp_path: Path) -> None:
    """And is remembered."""

    def interrupt() -> None:
        while not (tmp_path / "ready").exists():
            pass
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    assert children.run(["wait"]) == 130
    assert (tmp_path / "left").read_text() == "in order"
    assert children.stop.is_set()
