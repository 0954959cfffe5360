"""The judge: one verdict for what the key said and what BuildKit did."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.fuzz.keys import Answer
from tests.fuzz.oracle import Truth

FALSE_FRESH = "false-fresh"
FALSE_STALE = "false-stale"
ENGINE = "engine-fault"
"""No verdict: the engine failed by itself, each time."""
DISAGREEMENTS = (FALSE_FRESH, FALSE_STALE, "we-refuse", "we-accept")


def judge(before: tuple[Answer, Truth], after: tuple[Answer, Truth]) -> str:
    """One of `DISAGREEMENTS`, or ``same``, ``moved``, ``refused``, ``unforeseeable``, `ENGINE`."""
    if before[1].engine or after[1].engine:
        return ENGINE
    for answer, truth in (before, after):
        if truth.unforeseeable:
            return "unforeseeable"
        if answer.refused and not truth.refused:
            return "we-refuse"
        if truth.refused and not answer.refused:
            return "we-accept"
    if before[1].refused or after[1].refused:
        return "refused"
    moved = bool(after[1].ran) or before[1].content != after[1].content
    return verdict(moved=moved, changed=before[0].key != after[0].key)


def verdict(*, moved: bool, changed: bool) -> str:
    """``moved`` is BuildKit's word, ``changed`` is ours."""
    if moved:
        return "moved" if changed else FALSE_FRESH
    return FALSE_STALE if changed else "same"


@dataclass
class Tally:
    """How often each verdict fell, in all and by kind of mutation."""

    verdicts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: int = 0
    """Builds that the engine's own fault ended; they were tried again."""

    def add(self, kind: str, found: str) -> None:
        """Count one case."""
        self.verdicts[found] += 1
        self.kinds[kind, found] += 1

    @property
    def cases(self) -> int:
        """How many cases were judged."""
        return sum(self.verdicts.values())

    def line(self) -> str:
        """All figures in one line."""
        compared = sum(self.verdicts[each] for each in ("same", "moved", FALSE_FRESH, FALSE_STALE))
        stale = 100 * self.verdicts[FALSE_STALE] / max(1, compared)
        counts = ", ".join(f"{name} {number}" for name, number in sorted(self.verdicts.items()))
        again = f"; {self.faults} builds again for the engine's own faults" if self.faults else ""
        return f"{self.cases} cases: {counts}; false-stale {stale:.2f} %{again}"

    def table(self) -> str:
        """Mutations by what became of them, worst first."""
        names = sorted({kind for kind, _ in self.kinds})
        rows = []
        for name in names:
            counts = {each: number for (kind, each), number in self.kinds.items() if kind == name}
            bad = sum(counts.get(each, 0) for each in DISAGREEMENTS)
            told = ", ".join(f"{each} {number}" for each, number in sorted(counts.items()))
            rows.append((-bad, name, told))
        return "".join(f"  {name:24} {told}\n" for _, name, told in sorted(rows))
