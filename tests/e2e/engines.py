"""``./run engines``: the tests that touch an engine most, on each kind of engine, as a table.

``engines.json`` beside it remembers the last run of each group on each kind, so that a run of one
group changes one cell.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from layers.runtime.events import silent
from layers.runtime.files import read_json, write_json
from layers.setup.choose import ensure, stop
from layers.setup.private.paths import STORES, VERSIONS, Places
from tests.e2e.lab import CHECKOUT
from tests.marks import Marks

PAGE = CHECKOUT / "docs" / "manual.md"
TESTS = CHECKOUT / "tests" / "e2e"
MEMORY = TESTS / "engines.json"
MARKS = Marks.of("engines")
GROUPS = {
    "images by name, pull, push": ("test_engine_real.py",),
    "containers and archives": ("test_containers_real.py",),
    "scenarios": ("test_scenarios.py", "test_immutable.py"),
    "publish": ("test_publish.py",),
    "refresh": ("test_refresh.py",),
    "gc": ("test_gc.py",),
    "up": ("test_compose_builds.py", "test_up.py"),
    "builders": ("test_builder.py",),
    "faults": ("test_faults_engine.py", "test_faults_kill.py", "test_faults_registry.py"),
}
REST = "all others"
"""The end-to-end tests of no group above: where asked for, or all are run with a report."""


class Kind(NamedTuple):
    """An engine to run on."""

    version: str
    store: str


class Counted(NamedTuple):
    """How a group of tests ended."""

    passed: int
    failed: int
    skipped: int
    on: str
    """The day, as 2026-11-28."""

    def __str__(self) -> str:
        """As a cell of the table."""
        words = [str(self.passed)]
        words += [f"**{self.failed} failed**"] if self.failed else []
        words += [f"{self.skipped} not for it"] if self.skipped else []
        return ", ".join(words)


Told = Mapping[tuple[str, Kind], Counted]
"""By group and kind: the last run."""


def main(words: Sequence[str]) -> int:
    """Run what is asked for; status 1 when any test of it fails."""
    parser = argparse.ArgumentParser(prog="./run engines", description=__doc__)
    parser.add_argument("--engine", choices=VERSIONS, action="append", help="default: 28")
    parser.add_argument("--store", choices=STORES, action="append", help="default: both")
    parser.add_argument(
        "--group",
        choices=[*GROUPS, REST],
        action="append",
        help=f"default: all but {REST!r}",
    )
    parser.add_argument(
        "--reports",
        type=Path,
        metavar="FOLDER",
        help="count reports that are there, engines-VERSION-STORE.xml (pytest --junitxml), and run"
        " nothing",
    )
    parser.add_argument(
        "--write", action="store_true", help="remember it, and write the table of docs/manual.md"
    )
    asked = parser.parse_args(words)
    kinds = [Kind(v, s) for v in asked.engine or ["28"] for s in asked.store or STORES]
    groups = asked.group or list(GROUPS)
    told = remembered(MEMORY.read_text())
    new: dict[tuple[str, Kind], Counted] = {}
    begin = time.monotonic()
    for kind in kinds:
        report = (
            asked.reports or CHECKOUT / ".layers"
        ) / f"engines-{kind.version}-{kind.store}.xml"
        if asked.reports is None:
            run(kind, groups, report)
        found = counted(report.read_text(), groups)
        new |= {(group, kind): each for group, each in found.items()}
        told |= new
        if asked.write:  # after each kind, since one takes a quarter of an hour
            MEMORY.write_text(memory(told))
            PAGE.write_text(MARKS.placed(PAGE.read_text(), table(told)))
    print(f"{table(told)}\n\n{(time.monotonic() - begin) / 60:.0f} min")
    return int(any(each.failed for each in new.values()))


def files(group: str) -> list[str]:
    """The files of a group's tests."""
    if group != REST:
        return list(GROUPS[group])
    grouped = {file for each in GROUPS.values() for file in each}
    return sorted(each.name for each in TESTS.glob("test_*.py") if each.name not in grouped)


def run(kind: Kind, groups: Sequence[str], report: Path) -> None:
    """The tests of some groups on one kind of engine; a run that is cut off ends the command."""
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    paths = [f"tests/e2e/{file}" for group in groups for file in files(group)]
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *paths]
    command += [f"--engine={kind.version}", f"--store={kind.store}"]
    stacks = {"up", REST} & set(groups)
    with own(kind) if stacks else contextlib.nullcontext():
        status = subprocess.run(command, cwd=CHECKOUT, check=False).returncode
    if status not in (0, 1):  # 1: tests failed, all ran (pytest's exit codes)
        sys.exit(f"pytest ended with status {status}; nothing is remembered")


@contextlib.contextmanager
def own(kind: Kind) -> Iterator[None]:
    """Also this checkout's own engine, which its stacks run on, is of a kind; then as before.

    What that kind of engine holds in the end, 15 GB, goes with it unless it held something before.
    """
    root = str(CHECKOUT)
    before = Places.chosen(root)
    places = before.having(kind._asdict())
    up, new = os.path.exists(before.running), not os.path.exists(places.data)
    ensure(root, silent, places.kind)
    try:
        yield
    finally:
        if up:
            ensure(root, silent, before.kind)
        else:
            stop(root)
            write_json(places.settings, {**read_json(places.settings), **before.kind})
        if new and before != places:
            shutil.rmtree(places.data, ignore_errors=True)


def counted(report: str, groups: Sequence[str]) -> dict[str, Counted]:
    """The groups that a report holds tests of."""
    found = {group: count(report, files(group)) for group in groups}
    return {group: each for group, each in found.items() if any(each[:3])}


def count(report: str, names: Sequence[str]) -> Counted:
    """Count the tests of some files in a report (JUnit's XML, as pytest writes it)."""
    modules = {f"tests.e2e.{file.removesuffix('.py')}" for file in names}
    passed = failed = skipped = 0
    root = ET.fromstring(report)
    for case in root.iter("testcase"):
        # a class of tests stands behind the module's name
        if not any(f"{case.get('classname')}.".startswith(f"{module}.") for module in modules):
            continue
        tags = {child.tag for child in case}
        failed += bool(tags & {"failure", "error"})
        skipped += "skipped" in tags
        passed += not tags & {"failure", "error", "skipped"}
    on = next((suite.get("timestamp", "") for suite in root.iter("testsuite")), "")
    return Counted(passed, failed, skipped, on[: len("2026-11-28")])


def remembered(text: str) -> dict[tuple[str, Kind], Counted]:
    """What `memory` wrote; groups that are no longer there are left out."""
    return {
        (row["group"], Kind(row["version"], row["store"])): Counted(
            row["passed"], row["failed"], row["skipped"], row["on"]
        )
        for row in json.loads(text)
        if row["group"] in (*GROUPS, REST)
    }


def memory(told: Told) -> str:
    """All runs as JSON, a line each, in the table's order."""
    rows = [
        json.dumps({"group": group, **kind._asdict(), **told[group, kind]._asdict()})
        for kind in kinds_of(told)
        for group in (*GROUPS, REST)
        if (group, kind) in told
    ]
    return "[\n" + ",\n".join(rows) + "\n]\n"


def kinds_of(told: Told) -> list[Kind]:
    """The kinds that something ran on, the oldest first."""
    every = [Kind(version, store) for version in VERSIONS for store in STORES]
    return [kind for kind in every if any(kind == each for _, each in told)]


def table(told: Told) -> str:
    """Groups by kinds, in Markdown; a dash where nothing ran, and below it when it was."""
    kinds = kinds_of(told)
    heads = [f"Docker {kind.version}, {kind.store}" for kind in kinds]
    lines = ["| tests | " + " | ".join(heads) + " |", "|---|" + "---|" * len(kinds)]
    for group in (*GROUPS, REST):
        if any((group, kind) in told for kind in kinds):
            cells = [str(told.get((group, kind), "–")) for kind in kinds]
            lines.append(f"| {group} | " + " | ".join(cells) + " |")
    days = [sorted({each.on for (_, of), each in told.items() if of == kind}) for kind in kinds]
    runs = [" to ".join(dict.fromkeys((each[0], each[-1]))) for each in days]
    return "\n".join([*lines, "| run on | " + " | ".join(runs) + " |"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
