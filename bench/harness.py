"""Harness: runs commands in turns, A B A B …, and compares the medians of what they took."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Case:
    """One command to be timed."""

    name: str
    argv: Sequence[str]
    cwd: str
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of this process's own."""
    before: Callable[[], None] | None = None
    """Done before every run, not timed."""
    expect: str = ""
    """What its output has to hold, or else the figure would be about something else."""


@dataclass(frozen=True)
class Sample:
    """What one run took."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of processor time, of the process and of all its children."""
    memory: int
    """Bytes that it had at its peak, or one of its children, whichever had more."""


@dataclass(frozen=True)
class Ratio:
    """How many times as long one takes as another: of the medians, and of single pairs."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"


class Unexpected(Exception):
    """A timed command failed, or did something else than what was to be timed."""


def once(case: Case) -> Sample:
    """Run a command to its end.  Raises Unexpected."""
    if case.before is not None:
        case.before()
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            case.argv,
            cwd=case.cwd,
            env={**os.environ, **case.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode or case.expect not in text:
        raise Unexpected(f"{case.name}: status {process.returncode}\n{text[-3000:]}")
    return Sample(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def side_by_side(cases: Sequence[Case], rounds: int) -> dict[str, list[Sample]]:
    """Run all cases in turns, each once beforehand to warm up."""
    for case in cases:
        once(case)
    found: dict[str, list[Sample]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            found[case.name].append(once(case))
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Compare runs that were made in turns."""
    pairs = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(ours) / statistics.median(theirs), min(pairs), max(pairs))


def walls(samples: Sequence[Sample]) -> list[float]:
    """The wall-clock seconds of runs."""
    return [sample.wall for sample in samples]


def median(values: Sequence[float]) -> float:
    """The median, for texts."""
    return statistics.median(values)
