"""Processes: told apart from later ones with the same number, found by their own words, ended."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

OURS = frozenset({"containerd", "containerd-shim-runc-v2", "docker-registry", "dockerd"})
"""Programs that a private engine consists of; nothing else is ever ended."""


class Process(NamedTuple):
    """A process; number and start together name it once and for all until a reboot."""

    pid: int
    start: int
    """Clock ticks since the machine started (field 22 of /proc/PID/stat, proc(5))."""

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this number now; None when there is none or it is a zombie."""
        fields = _stat(pid)
        # A killed process with threads shows as a zombie while the last of them still hold files.
        if fields is None or (fields[0] in ("Z", "X") and int(fields[17]) <= 1):
            return None
        return cls(pid, int(fields[19]))

    @classmethod
    def load(cls, value: Any) -> Process | None:
        """The inverse of `dump`; None for anything else."""
        if isinstance(value, list) and len(value) == 2 and all(isinstance(n, int) for n in value):
            return cls(*value)
        return None

    def dump(self) -> list[int]:
        """As JSON."""
        return [self.pid, self.start]

    def alive(self) -> bool:
        """Whether it still runs."""
        return Process.of(self.pid) == self

    def words(self) -> list[str]:
        """Its command line; empty when it is gone."""
        try:
            with open(f"/proc/{self.pid}/cmdline", "rb") as file:
                return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
        except OSError:
            return []

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has gone."""
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def _stat(pid: int) -> list[str] | None:
    """Fields 3 and up of /proc/PID/stat; the name before them may hold spaces and brackets."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def _all() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        process = Process.of(int(name)) if name.isdigit() else None
        if process is not None:
            yield process


def belongs(words: list[str], run: str) -> bool:
    """Whether a command line is one of the `OURS` and names the folder ``run`` or a file in it."""
    if not words or os.path.basename(words[0]) not in OURS:
        return False
    return any(word == run or word.startswith(f"{run}/") for word in words[1:])


def serving(run: str) -> dict[str, list[Process]]:
    """The processes that belong to the engine of the folder ``run``, by program."""
    found: dict[str, list[Process]] = {}
    for process in _all():
        words = process.words()
        if belongs(words, run):
            found.setdefault(os.path.basename(words[0]), []).append(process)
    return found


def with_children(processes: Iterable[Process]) -> list[Process]:
    """The given processes and all that descend from them."""
    parents: dict[int, list[Process]] = {}
    for process in _all():
        fields = _stat(process.pid)
        if fields is not None:
            parents.setdefault(int(fields[1]), []).append(process)
    result = list(processes)
    for process in result:  # grows while it is walked
        result += [child for child in parents.get(process.pid, []) if child not in result]
    return result


def end(processes: Iterable[Process], patience: float) -> None:
    """Ask the processes to end, insist after ``patience`` seconds, and wait until they are gone."""
    rest = list(processes)
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        for process in rest:
            process.send(number)
        deadline = time.monotonic() + seconds
        while rest := [process for process in rest if process.alive()]:
            reap(rest)
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)


def reap(processes: Iterable[Process]) -> None:
    """Collect those that were our own children, so that no zombie keeps their number."""
    for process in processes:
        try:
            os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            continue
