"""Servers that do not come up say why."""

from __future__ import annotations

import fcntl
import http.server
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.setup.private.processes import reap
from layers.setup.private.server import await_ready, ready, remedy, size, spawn, tail


def test_a_server_that_ends_shows_its_last_words(tmp_path: Path) -> None:
    """Only what it said this time, with the log's path and what to do."""
    log = str(tmp_path / "thing.log")
    with open(log, "w", encoding="utf-8") as file:
        file.write("an old failure\n")
    code = "print('mount: operation not permitted')"
    since = size(log)
    process = spawn([sys.executable, "-c", code], log, os.environ)
    with pytest.raises(LayersError) as caught:
        await_ready(process, str(tmp_path / "no.sock"), "/", log, since, 20.0)
    text = str(caught.value)
    assert "thing ended at once" in text
    assert "operation not permitted" in text
    assert "an old failure" not in text
    assert "--privileged" in text
    assert log in text


def test_a_server_is_started_whatever_its_path_is(tmp_path: Path) -> None:
    """In the folder ``/``, with its arguments as they are."""
    folder = tmp_path / 'a, "b" =c\n$x'
    folder.mkdir()
    (folder / "thing").symlink_to("/bin/echo")
    log = str(folder / "thing.log")
    process = spawn([str(folder / "thing"), "a b", "$HOME", "A=b"], log, os.environ)
    os.waitpid(process.pid, 0)
    assert Path(log).read_text() == "a b $HOME A=b\n"


def test_a_server_keeps_no_lock_of_our_caller(tmp_path: Path) -> None:
    """`flock LOCK doit …` hands doit an open file; a server that kept it held LOCK for ever."""
    path, log = tmp_path / "lock", str(tmp_path / "thing.log")
    with path.open("w") as held:
        os.set_inheritable(held.fileno(), True)
        fcntl.flock(held, fcntl.LOCK_EX)
        process = spawn([sys.executable, "-c", "import time; time.sleep(60)"], log, os.environ)
    try:
        with path.open("w") as mine:
            fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert process.alive()
    finally:
        os.kill(process.pid, signal.SIGKILL)
        reap([process])


def test_readiness_is_an_answer_not_a_connection(tmp_path: Path) -> None:
    """A server that says 404 is up but not ready."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        address = ("127.0.0.1", server.server_port)
        assert ready(address, "/", timeout=60)
        assert not ready(address, "/no-such-file-here", timeout=60)
    finally:
        server.shutdown()
        server.server_close()
    assert not ready(str(tmp_path / "none.sock"), "/")


def test_errors_are_shown_before_chatter(tmp_path: Path) -> None:
    """The last lines are those that explain, where a log marks them."""
    log = tmp_path / "x.log"
    log.write_text("level=info a\nlevel=error b\n" + "level=info c\n" * 50)
    assert tail(str(log)) == ["level=error b"]
    assert tail(str(tmp_path / "none")) == []
    assert "doit engine stop" in remedy(["never seen before"])
