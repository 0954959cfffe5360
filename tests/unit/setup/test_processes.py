"""Only processes of our own engine are ever found or ended."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from layers.setup.private.processes import Process, belongs, end, serving, with_children

RUN = "/run/doit-layers-0123abcd"


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["/x/dockerd", "--exec-root", f"{RUN}/exec"], True),
        (["containerd", "--config", f"{RUN}/exec/containerd/containerd.toml"], True),
        (["docker-registry", "serve", f"{RUN}/registry.yml"], True),
        (["dockerd", "--exec-root", "/run/dl-eng"], False),
        (["dockerd", "--exec-root", f"{RUN}4/exec"], False),  # another id, the same beginning
        (["dockerd"], False),
        (["tail", "-f", f"{RUN}/log"], False),  # somebody looks at our files
        (["sh", "-c", f"dockerd --exec-root {RUN}/exec"], False),
        ([], False),
    ],
)
def test_a_process_is_ours_by_its_own_words(words: list[str], ours: bool) -> None:
    """Program and folder must both be an engine's of this checkout."""
    assert belongs(words, RUN) is ours


def test_a_process_is_known_by_number_and_start() -> None:
    """A number that was given to another process since is not the same process."""
    me = Process.of(os.getpid())
    assert me is not None
    assert me.alive()
    assert Process.load(me.dump()) == me
    assert not Process(me.pid, me.start - 1).alive()
    assert Process.load("7") is None
    assert Process.of(2**22 + 1) is None  # above the kernel's highest


def test_the_stubborn_are_ended_and_collected() -> None:
    """A process that ignores the request is killed; nothing stays, not even a zombie."""
    code = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "os.fork(); os.write(1, b'up\\n'); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    assert child.stdout.readline() == b"up\n"
    parent = Process.of(child.pid)
    assert parent is not None
    family = with_children([parent])
    assert len(family) == 2
    end(family, patience=0.1)
    assert [process.alive() for process in family] == [False, False]
    child.stdout.close()
    child.wait()


def test_nobody_serves_an_unknown_folder() -> None:
    """Looking at all processes of the machine finds none for a folder that no engine has."""
    assert serving(RUN) == {}
