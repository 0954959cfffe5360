"""Engine: what asking the engine costs in the process of an up-to-date run, with its imports."""

from __future__ import annotations

import subprocess
import sys

from bench import stack
from bench.harness import median
from bench.table import Row

SCRIPT = """
import os, time
from layers.plan.session import Session
from layers.project.project import Project
begin = time.perf_counter()
planner = Session.begin(Project(os.getcwd(), profile="local")).planner
nodes = planner.nodes
middle = time.perf_counter()
found = planner.presence.engine
end = time.perf_counter()
assert len(found) == 6, found
print(end - middle, end - begin)
"""
MOST = 0.025
"""Seconds, from finding the engine to having its answer."""


def run(rounds: int) -> list[Row]:
    """Time it in fresh processes."""
    prepared = stack.prepare()
    seconds = [_once(prepared) for _ in range(rounds + 1)][1:]
    asking, whole = ([pair[at] for pair in seconds] for at in (0, 1))
    shares = [one / all_of_it for one, all_of_it in zip(asking, whole, strict=True)]
    return [
        Row(
            "finding the engine and asking it",
            "keys and that, imports of doit apart",
            "snowboard, 6 images",
            f"{median(asking) / median(whole):.2f} ({min(shares):.2f}–{max(shares):.2f}); "
            f"{median(asking) * 1000:.0f} ms "
            f"({min(asking) * 1000:.0f} – {max(asking) * 1000:.0f})",
            f"< {MOST * 1000:.0f} ms",
            median(asking) < MOST,
        )
    ]


def _once(prepared: stack.Stack) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=prepared.root, check=True, stdout=subprocess.PIPE
    )
    asking, whole = done.stdout.split()
    return float(asking), float(whole)
