"""A child of ours ends with us, whatever it does about signals and whoever started it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layers.runtime import process, signals

STUBBORN = """#!/bin/sh
trap '' INT TERM HUP
sh -c 'echo $$ > "$0/grandchild.new"; mv "$0/grandchild.new" "$0/grandchild"; exec sleep 300' {0} &
echo $$ > {0}/child.new; mv {0}/child.new {0}/child
wait
"""
"""Ignores what it is asked, and has a child that does so, too."""

HEAD = """
import os, signal, sys, threading
from layers.runtime import signals
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)  # a background job ignores SIGINT
signals.install()
folder, program = sys.argv[1:]
"""

IN_A_THREAD = """
def work():
    start()
    os.makedirs(folder + "/went-on")
worker = threading.Thread(target=work)
worker.start()
worker.join()
"""

STARTS = {
    "run": "from layers.runtime import process\ndef start(): process.run([program])\n",
    "apt": "from layers.host import system\n"
    "def start(): system.must(['apt-get', 'update'], 'no lists')\n",
    "compose": "from layers.compose.docker_compose import DockerCompose\n"
    "from layers.setup.endpoint import Endpoint\n"
    "compose = DockerCompose(Endpoint('unix:///x', {}, False, None, program), folder)\n"
    "def start(): compose.down('p', volumes=False)\n",
    "mmdebstrap": "from layers.build.rootfs.make import make\n"
    "from layers.graph.recipe import Recipe\n"
    "recipe = Recipe(SUITE, ('python3',))\n"
    "def start(): make(recipe, folder + '/base', lambda line: None, mirrors=())\n",
}


def works(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def until(what: object, path: Path) -> int:
    """The number in a file, once it is there."""
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, what
        time.sleep(0.02)
    return int(path.read_text())


def a_program(folder: Path) -> Path:
    """A folder of programs where ours, apt-get and mmdebstrap are the stubborn one."""
    tools = folder / "bin"
    tools.mkdir()
    for name in ("sh", "mv", "sleep"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    for name in ("program", "apt-get", "mmdebstrap"):
        (tools / name).write_text(STUBBORN.format(folder))
        (tools / name).chmod(0o755)
    return tools


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("who", STARTS)
def test_who_interrupts_us_leaves_no_process_behind(
    tmp_path: Path, who: str, number: signal.Signals
) -> None:
    """Not even one that ignores signals, nor its child; and what it was for is not carried on."""
    keyrings = Path("/usr/share/keyrings")
    debian = any(keyrings.glob("debian-archive-keyring.*"))
    ubuntu = any(keyrings.glob("ubuntu-archive-keyring.*"))
    if who == "mmdebstrap" and not (debian or ubuntu):
        pytest.skip("no keyring of Debian or Ubuntu")
    tools = a_program(tmp_path)
    suite = "bookworm" if debian else "jammy"
    text = HEAD + STARTS[who].replace("SUITE", repr(suite)) + IN_A_THREAD
    # neither setpriv nor unshare is found, which would end mmdebstrap in their own way
    parent = subprocess.Popen(
        [sys.executable, "-c", text, str(tmp_path), str(tools / "program")],
        env={**os.environ, "PATH": str(tools), "PYTHONPATH": str(Path(__file__).parents[3])},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        pids = [until(parent.args, tmp_path / name) for name in ("child", "grandchild")]
        assert all(map(works, pids))
        os.kill(parent.pid, number)
        _, errors = parent.communicate(timeout=60)
        assert parent.returncode == signals.INTERRUPTED, errors
        assert errors.count("\n") == 1
        assert errors.startswith("interrupted; ")
        end = time.monotonic() + 10
        while any(map(works, pids)) and time.monotonic() < end:  # SIGKILL is on its way
            time.sleep(0.02)
        assert not [pid for pid in pids if works(pid)]
        assert not (tmp_path / "went-on").exists()
    finally:
        parent.kill()
        for name in ("child", "grandchild"):
            if (tmp_path / name).exists() and works(int((tmp_path / name).read_text())):
                os.kill(int((tmp_path / name).read_text()), signal.SIGKILL)


def test_a_signal_while_the_main_thread_starts_a_child_finds_it(tmp_path: Path) -> None:
    """Between its birth and our knowing of it; sent by the child itself to be that early."""
    program = tmp_path / "program"
    program.write_text(
        f"#!/bin/sh\ntrap '' TERM\necho $$ > {tmp_path}/pid\nkill -TERM $PPID\nexec sleep 300\n"
    )
    program.chmod(0o755)
    text = (
        HEAD + "import subprocess, time\nborn = subprocess.Popen\n"
        "def slow(*words, **more):\n"
        "    child = born(*words, **more)\n    time.sleep(2)\n    return child\n"
        "subprocess.Popen = slow\n"
        "from layers.runtime import process\nprocess.run([program])\n"
    )
    words = [sys.executable, "-c", text, str(tmp_path), str(program)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == signals.INTERRUPTED, done.stderr
    pid = int((tmp_path / "pid").read_text())
    end = time.monotonic() + 10
    while works(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not works(pid)


def test_what_a_process_says_is_kept() -> None:
    """Both streams as one, or its errors apart; its status is no error of ours."""
    words = ["sh", "-c", "echo out; echo err >&2; exit 3"]
    assert (process.run(words).stdout, process.run(words).returncode) == ("out\nerr\n", 3)
    done = process.run(words, apart=True)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_a_process_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    """Within a time limit of the caller."""
    program = a_program(tmp_path) / "program"
    with pytest.raises(subprocess.TimeoutExpired):
        process.run([str(program)], timeout=1)
    end = time.monotonic() + 10
    pids = [until(program, tmp_path / name) for name in ("child", "grandchild")]
    while any(map(works, pids)) and time.monotonic() < end:
        time.sleep(0.02)
    assert not [pid for pid in pids if works(pid)]


def test_a_process_ends_with_the_block_that_fails() -> None:
    """Whatever went wrong there."""
    with pytest.raises(ZeroDivisionError), process.started(["sleep", "300"]) as child:
        raise ZeroDivisionError
    assert child.returncode == -signal.SIGTERM


def test_a_program_that_is_not_there_is_told() -> None:
    """As by the system."""
    with pytest.raises(FileNotFoundError):
        process.run(["/nowhere/program"])
