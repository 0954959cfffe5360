"""Sessions: many cases on an engine, several at once; what disagrees is shrunk and kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from layers.setup.endpoint import Endpoint
from tests.fuzz.cases import FOLDER, Named, append, write
from tests.fuzz.judge import DISAGREEMENTS, FALSE_FRESH, Tally
from tests.fuzz.keys import RULES
from tests.fuzz.oracle import Oracle
from tests.fuzz.play import Case, Player, is_disagreement
from tests.fuzz.shrink import shrink

MUTATIONS = 8
"""Mutations of each world; its own build is paid for once."""


@dataclass
class Plan:
    """What to run and what to keep of it."""

    cases: int
    seed: int
    jobs: int = 2
    rule: str = "right"
    kinds: tuple[str, ...] = ()
    """Kinds of mutations; none: all of them."""
    folder: str = FOLDER
    """Where disagreements go."""
    shrinks: int = 10
    """How many of each verdict are shrunk; of false-fresh ones every one is."""
    corpus: str = ""
    """A file that takes ``each`` cases of every kind and outcome, with their truth."""
    each: int = 2
    stop: Callable[[Tally], bool] = field(default=lambda tally: False)
    """Asked after each case whether that is enough."""
    say: Callable[[str], None] = field(default=lambda text: print(text, file=sys.stderr))


class Session:
    """Runs a plan; `tally` grows as it goes."""

    def __init__(self, plan: Plan, endpoint: Endpoint) -> None:
        self.plan = plan
        self.endpoint = endpoint
        self.tally = Tally()
        self.builds = 0
        self._lock = threading.Lock()
        self._begin = time.monotonic()
        self._shrunk: Counter[str] = Counter()
        self._kept: Counter[tuple[str, str]] = Counter()
        self._next = 0

    def run(self) -> Tally:
        """Run it all."""
        first = Oracle(self.endpoint, "base")
        if not first.prepared():
            with tempfile.TemporaryDirectory() as folder:
                first.prepare(busybox(folder))
        first.close()
        with ThreadPoolExecutor(self.plan.jobs) as pool:
            for each in [pool.submit(self._work, job) for job in range(self.plan.jobs)]:
                each.result()
        return self.tally

    def _work(self, job: int) -> None:
        player = Player(Oracle(self.endpoint, str(job)), RULES[self.plan.rule], self.plan.kinds)
        try:
            while (index := self._take()) is not None:
                player.play(self.plan.seed, index, MUTATIONS, lambda case: self._done(case, player))
                with self._lock:
                    self.builds += player.oracle.builds
                    player.oracle.builds = 0
                    self.tally.faults += player.oracle.faults
                    player.oracle.faults = 0
        finally:
            player.close()

    def _take(self) -> int | None:
        with self._lock:
            if self.tally.cases >= self.plan.cases or self.plan.stop(self.tally):
                return None
            self._next += 1
            return self._next - 1

    def _done(self, case: Case, player: Player) -> None:
        with self._lock:
            if self.tally.cases >= self.plan.cases:
                return
            self.tally.add(case.kind.partition("+")[0], case.verdict)
            if self.tally.cases % 50 == 0:
                seconds = time.monotonic() - self._begin
                rate = self.tally.cases / seconds
                self.plan.say(f"{self.tally.line()}; {seconds:.0f} s, {rate:.2f} cases/s")
            self._keep(case)
            if not is_disagreement(case):
                return
            world = case.name.rpartition("-")[0]
            self._shrunk.update((case.verdict, f"{case.verdict} {world}"))
            small = (
                case.verdict not in DISAGREEMENTS
                or self._shrunk[f"{case.verdict} {world}"] > 1  # most likely the same cause
                or (case.verdict != FALSE_FRESH and self._shrunk[case.verdict] > self.plan.shrinks)
            )
        self.plan.say(f"{case.verdict}: {case.name} ({case.kind}): {case.truth}; ours: {case.ours}")
        pair = (case.before, case.after)
        if not small and self.plan.rule == "right":
            pair = shrink(
                pair,
                lambda one, two: (
                    player.could_be(case.verdict, one, two)
                    and player.confirm(one, two) == case.verdict
                ),
            )
        name = f"{case.verdict}-{case.name}"
        write(self.plan.folder, Named(name, *pair, _truth(case), case.ours))

    def _keep(self, case: Case) -> None:
        kind = (case.kind, case.verdict)
        if self.plan.corpus and case.verdict in ("moved", "same") and "+" not in case.kind:
            self._kept[kind] += 1
            if self._kept[kind] <= self.plan.each:
                named = Named(f"{case.kind} {case.name}", case.before, case.after, case.truth)
                append(self.plan.corpus, named)


def _truth(case: Case) -> str:
    return case.truth if case.truth in ("moved", "same") else f"refused: {case.truth}"


def busybox(folder: str) -> str:
    """A static busybox from the system's own packages, unpacked in a folder."""
    subprocess.run(
        ["apt-get", "download", "busybox-static"], cwd=folder, check=True, capture_output=True
    )
    package = next(name for name in os.listdir(folder) if name.endswith(".deb"))
    subprocess.run(["dpkg", "-x", package, "root"], cwd=folder, check=True)
    return os.path.join(folder, "root", "bin", "busybox")
