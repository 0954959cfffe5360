"""``./run fuzz --images``: images against plain ``docker buildx build``, on random projects."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from layers.setup.choose import stop
from layers.setup.endpoint import Endpoint
from tests.fuzz.images.draw import KINDS
from tests.fuzz.images.engines import Lab
from tests.fuzz.images.ours import CHECKOUT
from tests.fuzz.images.project import from_json
from tests.fuzz.images.session import Plan, Session
from tests.fuzz.images.twin import TWINS


def main(words: list[str], start: Callable[[Path], Endpoint], root: Path) -> int:
    """Exit status 0: no image is another one.  ``start`` brings up the engine of a folder."""
    parser = argparse.ArgumentParser(prog="./run fuzz --images", description=__doc__)
    parser.add_argument("--cases", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=60, help="cases for each empty engine")
    parser.add_argument("--only", default="", help=f"kinds of cases: {', '.join(KINDS)}")
    parser.add_argument("--twin", choices=sorted(TWINS), default="", help="put a fault into doit")
    parser.add_argument("--checkout", type=Path, default=CHECKOUT, help="whose doit is tried")
    parser.add_argument("--folder", default=str(root / "faults"), help="where faults are kept")
    parser.add_argument("--shrinks", type=int, default=10, help="how many faults to make small")
    parser.add_argument("--replay", metavar="FOLDER", help="play a kept case")
    parser.add_argument("--engine", type=Path, default=root)
    parser.add_argument("--keep-engine", action="store_true", help="leave the engines running")
    given = parser.parse_args(words)
    only = tuple(given.only.split(",")) if given.only else ()
    if unknown := [kind for kind in only if kind not in KINDS]:
        parser.error(f"no kind of case: {', '.join(unknown)}")
    plan = Plan(
        given.cases,
        given.seed,
        given.jobs,
        only,
        given.first,
        given.batch,
        given.twin,
        str(given.checkout.resolve()),
        given.folder,
        given.shrinks,
    )
    folders = (given.engine / "ours", given.engine / "plain")
    lab = Lab.of(*(start(folder) for folder in folders))
    try:
        session = Session(plan, lab)
        if given.replay:
            return replay(session, given.replay)
        tally = session.run()
    finally:
        if not given.keep_engine:
            for folder in folders:
                stop(str(folder))
    print(tally.text(), end="")
    print(f"seed {given.seed}: {len(tally.faults)} faults in {len(tally.verdicts)} cases")
    return int(bool(tally.faults))


def replay(session: Session, folder: str) -> int:
    """Play a kept case and say what comes of it."""
    with open(os.path.join(folder, "case.json"), encoding="utf-8") as file:
        case = from_json(file.read())
    (verdict,) = session.play_alone([replace(case, name=case.name or "replay")])
    print(verdict.signature)
    sys.stdout.writelines(f"    {line}\n" for line in verdict.told)
    return int(verdict.fault)
