"""Servers: programs started in the background, with a log, that answer HTTP once they are ready."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence

from hashes.errors import LayersError
from layers.setup.private.processes import Process, reap

_KEPT_LOG = 16 << 20


def spawn(command: Sequence[str], log: str, env: Mapping[str, str]) -> Process:
    """Start a program in a session of its own, in the folder ``/``, writing to ``log``.

    A Ctrl-C in our terminal does not reach it, and it keeps nothing open of ours: a lock that our
    caller holds ends with us. A log above 16 MiB is moved aside first.
    """
    if os.path.exists(log) and os.path.getsize(log) > _KEPT_LOG:
        os.replace(log, f"{log}.1")
    pid = os.posix_spawn(
        "/bin/sh",
        # not env(1), for which a path with an `=` is a variable
        ["sh", "-c", 'cd / && exec "$@"', "sh", *command],
        dict(env),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, each) for each in _inherited()),
        ],
        setsid=True,
        setsigdef=[signal.SIGPIPE, signal.SIGINT],
    )
    return Process.of(pid) or Process(pid, 0)


def _inherited() -> list[int]:
    """Files that our caller left open for whatever we start, beside the first three."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the listing's own is closed by now
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
    return found


def size(log: str) -> int:
    """Bytes in a log; 0 when it is not there."""
    try:
        return os.path.getsize(log)
    except OSError:
        return 0


def ready(address: str | tuple[str, int], path: str, timeout: float = 2.0) -> bool:
    """Whether the server at ``address`` (socket path, or host and port) answers ``path``."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(timeout)
        try:
            client.connect(address)
            client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            return client.recv(64).split()[1:2] == [b"200"]
        except OSError:
            return False


def await_ready(
    process: Process,
    address: str | tuple[str, int],
    path: str,
    log: str,
    since: int,
    seconds: float,
) -> None:
    """Return once the server answers.

    Raises LayersError when it ends or says nothing for ``seconds``, with what it wrote to ``log``
    from byte ``since`` on.
    """
    deadline = time.monotonic() + seconds
    while not ready(address, path):
        reap([process])
        alive = process.alive()
        if not alive or time.monotonic() > deadline:
            name = os.path.basename(log).partition(".")[0]
            what = f"does not answer after {seconds:.0f} s" if alive else "ended at once"
            said = tail(log, since)
            raise LayersError(
                f"the private engine's {name} {what}; its last words:\n  " + "\n  ".join(said),
                hint=f"{remedy(said)}; all of its log: {log}",
            )
        time.sleep(0.03)


def tail(log: str, since: int = 0, lines: int = 12) -> list[str]:
    """The last lines of a log from byte ``since`` on; only errors where there are any."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            file.seek(since)
            said = file.read().splitlines()
    except OSError:
        return []
    marks = ("level=error", "level=fatal", "level=panic", "failed to")
    return ([line for line in said if any(mark in line for mark in marks)] or said)[-lines:]


_REMEDIES = (
    (
        "operation not permitted",
        "the machine must let root mount and make networks "
        "(in a container: docker run --privileged)",
    ),
    (
        "permission denied",
        "the machine must let root mount and make networks "
        "(in a container: docker run --privileged)",
    ),
    ("no space left", "free some disk space"),
    ("cgroup", "mount the control groups: mount -t cgroup2 none /sys/fs/cgroup"),
    ("address already in use", "something else took its port; try again"),
)


def remedy(said: Sequence[str]) -> str:
    """What to do about a server that said this before it ended."""
    text = "\n".join(said).lower()
    for sign, advice in _REMEDIES:
        if sign in text:
            return advice
    return "`doit engine stop` and `doit engine start` begin afresh"
