"""``python -m bench [NAME…] [--write] [--rounds N]``: ratios of medians, both sides in one run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping

from bench import (
    byteproof,
    cold,
    edit,
    engine,
    hashing,
    history,
    push,
    rebase,
    sizes,
    stack,
    table,
    uptodate,
)
from bench.harness import Unexpected
from bench.table import Row

BENCHMARKS: Mapping[str, Callable[[int], list[Row]]] = {
    "uptodate": uptodate.run,
    "edit": edit.run,
    "sizes": sizes.run,
    "hashing": hashing.run,
    "weights": sizes.weights,
    "engine": engine.run,
    "push": push.run,
    "cold": cold.run,
    "rebase": rebase.run,
    "history": history.run,
    "byteproof": byteproof.run,  # the last: it makes its engine everybody's
}
"""By name, in the order in which they run."""


def main() -> int:
    """Run benchmarks; status 1 when a target was not reached."""
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=11, help="timed runs of each side")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md")
    options = parser.parse_args()
    stack.clean_environment()
    missed = False
    for name in options.names or BENCHMARKS:
        try:
            rows = BENCHMARKS[name](options.rounds)
        except Unexpected as error:
            sys.stderr.write(f"bench {name}: {error}\n")
            return 1
        sys.stdout.write(f"{name}\n{table.as_text(rows)}")
        sys.stdout.flush()
        missed = missed or any(row.reached is False for row in rows)
        if options.write:
            table.write(name, rows)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
