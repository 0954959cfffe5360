"""``python -m tests.fuzz``: keys against BuildKit, on random worlds."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from layers.setup.choose import ensure, stop
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places
from tests.fuzz.assemble.command import main as assemble
from tests.fuzz.cases import FOLDER
from tests.fuzz.images.command import main as images
from tests.fuzz.judge import DISAGREEMENTS, FALSE_STALE
from tests.fuzz.keys import RULES
from tests.fuzz.play import STAT_CACHE, UNPINNED
from tests.fuzz.session import Plan, Session

CHECKOUT = Path(__file__).resolve().parents[2]
MOST_STALE = 0.02


def engine(root: Path, version: str = "") -> Endpoint:
    """An engine for this alone, below ``root``; its packages are the checkout's."""
    ours, theirs = Places.of(str(CHECKOUT)), Places.of(str(root))
    packages = Path(theirs.packages)
    if Path(ours.packages).is_dir() and not packages.exists():
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.symlink_to(ours.packages)
    os.environ.pop("DOCKER_HOST", None)  # thousands of builds are nothing for somebody's engine
    return ensure(str(root), lambda event: None, {"version": version} if version else None)


def main(words: list[str]) -> int:
    """Exit status 0: no false-fresh, no refusal that BuildKit does not share, few false-stale.

    With ``--images`` as the first word images are compared instead of keys: `images.command`; with
    ``--assemble`` images that no engine made: `assemble.command`.
    """
    if words[:1] == ["--images"]:
        return images(words[1:], engine, CHECKOUT / ".layers" / "fuzz-images")
    if words[:1] == ["--assemble"]:
        return assemble(words[1:], engine, CHECKOUT / ".layers" / "fuzz-assemble")
    parser = argparse.ArgumentParser(prog="./run fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rule", choices=sorted(RULES), default="right", help="wrong ones lie")
    parser.add_argument("--kinds", default="", help="mutations to draw, e.g. rename,file_mode")
    parser.add_argument("--folder", default=FOLDER, help="where disagreements are kept")
    parser.add_argument("--shrinks", type=int, default=10, help="how many of a verdict to shrink")
    parser.add_argument("--corpus", default="", help="keep some agreements in this file, too")
    parser.add_argument("--engine", type=Path, default=CHECKOUT / ".layers" / "fuzz")
    parser.add_argument("--keep-engine", action="store_true", help="leave the engine running")
    given = parser.parse_args(words)
    plan = Plan(
        given.cases,
        given.seed,
        given.jobs,
        given.rule,
        tuple(given.kinds.split(",")) if given.kinds else (),
        given.folder,
        given.shrinks,
        given.corpus,
    )
    session = Session(plan, engine(given.engine))
    try:
        tally = session.run()
    finally:
        if not given.keep_engine:
            stop(str(given.engine))
    print(tally.table(), end="")
    print(f"seed {given.seed}: {tally.line()}; {session.builds} builds")
    wrong = sum(tally.verdicts[each] for each in (*DISAGREEMENTS, STAT_CACHE, UNPINNED))
    stale = tally.verdicts[FALSE_STALE]
    return int(wrong > stale or stale >= MOST_STALE * tally.cases)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
