"""``./run fuzz --assemble``: images that no engine made, against those that BuildKit builds."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hashes.dockerfile.frontend import EXCLUDE, of_docker
from layers.setup.choose import stop
from layers.setup.endpoint import Endpoint
from tests.fuzz.assemble.case import Case, from_json, lay
from tests.fuzz.assemble.draw import draw
from tests.fuzz.assemble.elsewhere import with_origins
from tests.fuzz.assemble.inside import with_trunk
from tests.fuzz.assemble.play import BOTH_REFUSE, LEFT, SAME, Table, Verdict, play
from tests.fuzz.assemble.shrink import shrink
from tests.fuzz.assemble.twin import TWINS, broken
from tests.fuzz.images.content import Contents
from tests.fuzz.images.engines import Engine

_TELLING = (LEFT, BOTH_REFUSE)


def main(words: list[str], start: Callable[[Path, str], Endpoint], root: Path) -> int:
    """Exit status 0: every image that was assembled is the one that BuildKit builds."""
    parser = argparse.ArgumentParser(prog="./run fuzz --assemble", description=__doc__)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--trunks", type=int, default=50, help="in 100 that have steps that run")
    parser.add_argument("--origins", type=int, default=50, help="in 100 that copy from elsewhere")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no case after these")
    parser.add_argument("--twin", choices=sorted(TWINS), default="", help="put a fault into ours")
    parser.add_argument("--folder", type=Path, default=root / "faults", help="where faults go")
    parser.add_argument("--shrinks", type=int, default=5, help="how many faults to make small")
    parser.add_argument("--replay", metavar="FILE", type=Path, help="play a kept case")
    parser.add_argument("--engine", type=Path, default=root)
    parser.add_argument("--docker", default="", metavar="VERSION", help="of that engine: 26 or 28")
    parser.add_argument("--keep-engine", action="store_true", help="leave the engine running")
    given = parser.parse_args(words)
    endpoint = start(given.engine, given.docker)
    try:
        table = table_of(endpoint)
        if given.replay:
            verdict = play(table, from_json(given.replay.read_text()))
            print(verdict.kind, *verdict.told, sep="\n  ")
            return int(verdict.fault)
        begin = time.monotonic()
        numbers = range(given.first, given.first + given.cases)
        frontend = of_docker(table.engine.version)
        exclude = frontend is not None and frontend.has(EXCLUDE)
        cases = [draw(given.seed, each, exclude=exclude) for each in numbers]
        lent = [draw(given.seed, each + 1_000_000) for each in numbers]
        cases = [
            with_trunk(case, given.seed) if number % 100 < given.trunks else case
            for number, case in enumerate(cases, given.first)
        ]
        cases = [
            with_origins(case, other, given.seed, exclude=exclude)
            if number * 7 % 100 < given.origins
            else case
            for number, (case, other) in enumerate(zip(cases, lent, strict=True), given.first)
        ]
        with broken(given.twin):
            verdicts = run(table, cases, given.jobs, begin + given.minutes * 60)
        faults = [each for each in verdicts if each.fault]
        for verdict in faults[: 0 if given.twin else given.shrinks]:
            print(keep(given.folder, shrink(verdict, lambda case: play(table, case))))
    finally:
        if not given.keep_engine:
            stop(str(given.engine))
    sys.stdout.write(text(verdicts))
    took = time.monotonic() - begin
    print(f"seed {given.seed}: {len(faults)} faults in {len(verdicts)} cases, {took:.0f} s")
    return int(bool(faults))


def table_of(endpoint: Endpoint) -> Table:
    """What cases are played on, with an engine and its registry."""
    assert endpoint.registry is not None
    return Table.of(Engine(endpoint, Contents()), endpoint.registry)


def run(
    table: Table, cases: Sequence[Case], jobs: int, until: float = float("inf")
) -> list[Verdict]:
    """Play cases side by side, in their order, as far as the time goes."""

    def one(case: Case) -> Verdict | None:
        return play(table, case) if time.monotonic() < until else None

    with ThreadPoolExecutor(jobs) as pool:
        return [verdict for verdict in pool.map(one, cases) if verdict is not None]


def text(verdicts: Sequence[Verdict]) -> str:
    """For people."""
    kinds = Counter(each.kind for each in verdicts)
    with_layers = sum(each.kind == SAME and each.layers > 0 for each in verdicts)
    lines = [", ".join(f"{kind} {count}" for kind, count in kinds.most_common())]
    lines.append(f"of those that are the same, {with_layers} have layers of ours")
    told = (each.told[-1 if each.case.runs else 0] for each in verdicts if each.kind in _TELLING)
    reasons = Counter(map(_general, told))
    lines += [f"  {count:>4} {reason}" for reason, count in reasons.most_common(25)]
    for each in verdicts:
        if each.fault:
            lines += [f"{each.case.name}: {each.kind}", *(f"    {told}" for told in each.told[:12])]
    return "\n".join(lines) + "\n"


def _general(reason: str) -> str:
    """A reason without the names in it."""
    words = ("…" if "/" in word or "'" in word else word for word in reason.split(" "))
    return " ".join(words)


def keep(folder: Path, verdict: Verdict) -> str:
    """Write a case; the answer says where, and what is wrong."""
    at = folder / verdict.case.name
    shutil.rmtree(at, ignore_errors=True)
    at.mkdir(parents=True)
    (at / "case.json").write_text(verdict.case.to_json())
    (at / "Dockerfile").write_text(verdict.case.dockerfile)
    lay(verdict.case.context, at / "context", verdict.case.ignore)
    told = "\n    ".join((verdict.kind, *verdict.told))
    base = "\n    ".join(f"{n}: {e}" for n, each in enumerate(verdict.case.layers) for e in each)
    return f"{at}: {told}\n{verdict.case.dockerfile}    {base}\n"
