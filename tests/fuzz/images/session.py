"""Sessions: many cases on two engines, a batch at a time, with an empty engine in between."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from subprocess import SubprocessError

from tests.fuzz.images import ours
from tests.fuzz.images.draw import draw
from tests.fuzz.images.engines import EngineFault, Lab
from tests.fuzz.images.keep import keep
from tests.fuzz.images.ours import CHECKOUT, Doit
from tests.fuzz.images.play import (
    BOTH_REFUSE,
    BROKEN,
    NO_PLAIN,
    PHASES,
    REFUSED,
    SAME,
    Playing,
    Verdict,
)
from tests.fuzz.images.project import Case
from tests.fuzz.images.shrink import shrink
from tests.fuzz.session import busybox


@dataclass(frozen=True)
class Plan:
    """What to play and what to keep of it."""

    cases: int
    seed: int
    jobs: int = 2
    only: tuple[str, ...] = ()
    """Kinds; none: all of them."""
    first: int = 0
    """The number of the first case."""
    batch: int = 24
    """Cases between two times that the engine is emptied."""
    twin: str = ""
    checkout: str = CHECKOUT
    """Whose ``doit`` is tried."""
    folder: str = ""
    """Where faults go; "": nowhere."""
    shrinks: int = 0
    """How many of them are made small first, one of each signature."""
    say: Callable[[str], None] = field(default=lambda text: print(text, file=sys.stderr))


@dataclass
class Tally:
    """Figures."""

    verdicts: list[Verdict] = field(default_factory=list)
    unsteady: list[Verdict] = field(default_factory=list)
    """Faults that did not come again when the case was played once more."""
    retried: int = 0
    seconds: float = 0.0

    @property
    def faults(self) -> list[Verdict]:
        """All that must not be."""
        return [verdict for verdict in self.verdicts if verdict.fault]

    def text(self) -> str:
        """For people."""
        kinds = Counter(verdict.kind for verdict in self.verdicts)
        lines = [f"{len(self.verdicts)} cases: " + _list(kinds)]
        for phase in PHASES:
            found = Counter(each.kind for each in self.faults if each.phase == phase)
            lines.append(f"  {phase:<10} {_list(found) or 'no fault'}")
        for title, each in (
            ("refused", REFUSED),
            ("both refuse", BOTH_REFUSE),
            ("not compared", NO_PLAIN),
        ):
            reasons = Counter(
                verdict.signature.split(": ", 2)[2]
                for verdict in self.verdicts
                if verdict.kind == each
            )
            lines += [f"{title}: {sum(reasons.values())}"] if reasons else []
            lines += [f"  {count:>4} {why}" for why, count in reasons.most_common()]
        lines += self._by_kind()
        lines.append(
            f"engine's own faults, played again: {self.retried}; not seen again: "
            f"{len(self.unsteady)}"
        )
        lines += [f"  {each.case.name} {each.signature}" for each in self.unsteady]
        other = sum(verdict.crosstalk for verdict in self.verdicts)
        lines.append(f"the same once plain builds keep stages of one file apart: {other}")
        rate = self.seconds / max(1, len(self.verdicts))
        lines.append(f"{self.seconds:.0f} s, {rate:.1f} s a case")
        return "\n".join(lines) + "\n"

    def _by_kind(self) -> list[str]:
        rows: dict[str, Counter[str]] = {}
        for verdict in self.verdicts:
            for kind in verdict.case.kinds:
                rows.setdefault(kind, Counter()).update([verdict.kind])
        return ["by kind of case:"] + [
            f"  {kind:<26} {_list(found)}" for kind, found in sorted(rows.items())
        ]


def _list(found: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in found.most_common())


class Session:
    """Runs a plan; `tally` grows as it goes."""

    def __init__(self, plan: Plan, lab: Lab) -> None:
        self.plan = plan
        self.lab = lab
        self.tally = Tally()
        self._begin = time.monotonic()

    def run(self) -> Tally:
        """Run it all."""
        self._prepare()
        numbers = range(self.plan.first, self.plan.first + self.plan.cases)
        size = self.plan.batch
        for at in range(0, len(numbers), size):
            cases = [draw(self.plan.seed, each, self.plan.only) for each in numbers[at : at + size]]
            verdicts = self.play(cases)
            again = [verdict.case for verdict in verdicts if verdict.fault]
            if again and not self.plan.twin:
                self.tally.retried += len(again)
                second = {verdict.case.name: verdict for verdict in self.play(again)}
                for verdict in verdicts:
                    other = second.get(verdict.case.name)
                    if other is not None and not other.fault:
                        self.tally.unsteady.append(verdict)
                verdicts = [second.get(verdict.case.name, verdict) for verdict in verdicts]
            self._add(verdicts)
        self._keep()
        ours.close()
        return self.tally

    def play_alone(self, cases: Sequence[Case]) -> list[Verdict]:
        """Cases that were not drawn here."""
        self._prepare()
        return self.play(cases)

    def _prepare(self) -> None:
        if not self.lab.digests:
            with tempfile.TemporaryDirectory() as folder:
                self.lab.prepare(busybox(folder))

    def play(self, cases: Sequence[Case]) -> list[Verdict]:
        """One batch, through every phase."""
        doit = Doit(self.lab.ours, self.lab.registry, self.plan.twin, self.plan.checkout)
        playings = [Playing(self.lab, case, doit) for case in cases]
        try:
            self.lab.ours.empty()
            self._each(playings, Playing.first)
            self.lab.ours.empty()
            self._each(playings, Playing.from_registry)
            if any(playing.verdict is None for playing in playings):
                self.lab.ours.empty()
                self._each(playings, Playing.last)
            self.lab.plain.empty()
        finally:
            for playing in playings:
                playing.close()
        return [playing.verdict for playing in playings if playing.verdict is not None]

    def _each(self, playings: Sequence[Playing], work: Callable[[Playing], None]) -> None:
        def one(playing: Playing) -> None:
            if playing.verdict is not None:
                return
            try:
                work(playing)
            except (EngineFault, OSError, ValueError, SubprocessError) as error:
                playing.verdict = Verdict(playing.case, "", BROKEN, (repr(error),))
            if playing.verdict is not None and playing.verdict.fault:
                self._tell(playing.verdict)

        with ThreadPoolExecutor(self.plan.jobs) as pool:
            for future in [pool.submit(one, playing) for playing in playings]:
                future.result()

    def _add(self, verdicts: Sequence[Verdict]) -> None:
        self.tally.verdicts += verdicts
        self.tally.seconds = time.monotonic() - self._begin
        same = sum(verdict.kind == SAME for verdict in self.tally.verdicts)
        count = len(self.tally.verdicts)
        self.plan.say(
            f"{count} cases, {same} same, {len(self.tally.faults)} faults;"
            f" {self.tally.seconds:.0f} s, {self.tally.seconds / count:.1f} s a case"
        )

    def _tell(self, verdict: Verdict) -> None:
        what = f"{verdict.case.name} ({', '.join(verdict.case.kinds)}): {verdict.signature}"
        self.plan.say(what + "".join(f"\n    {line}" for line in verdict.told[:4]))

    def _keep(self) -> None:
        if not self.plan.folder:
            return
        seen: Counter[str] = Counter()
        for verdict in self.tally.faults:
            seen[verdict.signature] += 1
            small = verdict
            if seen[verdict.signature] == 1 and len(seen) <= self.plan.shrinks:
                small = shrink(verdict, lambda case: self.play([case])[0])
            if seen[verdict.signature] <= 3:
                keep(self.plan.folder, small)
