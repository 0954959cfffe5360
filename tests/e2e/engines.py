"""``./run engines``: the tests that touch an engine most, on each kind of engine, as a table."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import NamedTuple

from layers.setup.private.paths import STORES, VERSIONS
from tests.e2e.lab import CHECKOUT

PAGE = CHECKOUT / "docs" / "manual.md"
BEGIN, END = "<!-- engines: written by ./run engines -->", "<!-- engines: end -->"
GROUPS = {
    "images by name, pull, push": ("test_engine_real.py",),
    "containers and archives": ("test_containers_real.py",),
    "scenarios": ("test_scenarios.py", "test_immutable.py"),
    "publish": ("test_publish.py",),
    "refresh": ("test_refresh.py",),
    "gc": ("test_gc.py",),
    "up": ("test_up.py",),
    "builders": ("test_builder.py",),
    "faults": ("test_faults_engine.py", "test_faults_kill.py", "test_faults_registry.py"),
}


class Kind(NamedTuple):
    """An engine to run on."""

    version: str
    store: str


class Counted(NamedTuple):
    """How a group of tests ended."""

    passed: int
    failed: int
    skipped: int

    def __str__(self) -> str:
        """As a cell of the table."""
        words = [str(self.passed)]
        words += [f"**{self.failed} failed**"] if self.failed else []
        words += [f"{self.skipped} not for it"] if self.skipped else []
        return ", ".join(words)


def main(words: Sequence[str]) -> int:
    """Run all groups on the kinds asked for; status 1 when any test fails."""
    parser = argparse.ArgumentParser(prog="./run engines", description=__doc__)
    parser.add_argument("--engine", choices=VERSIONS, action="append", help="default: 28")
    parser.add_argument("--store", choices=STORES, action="append", help="default: both")
    parser.add_argument("--group", choices=GROUPS, action="append", help="default: all")
    parser.add_argument("--write", action="store_true", help="write the table of docs/manual.md")
    asked = parser.parse_args(words)
    kinds = [Kind(v, s) for v in asked.engine or ["28"] for s in asked.store or STORES]
    groups = asked.group or list(GROUPS)
    told: dict[str, dict[Kind, Counted]] = {group: {} for group in groups}
    begin = time.monotonic()
    for kind in kinds:
        for group, counted in run(kind, groups).items():
            told[group][kind] = counted
    text = table(kinds, told)
    print(f"{text}\n\n{(time.monotonic() - begin) / 60:.0f} min")
    if asked.write:
        PAGE.write_text(placed(PAGE.read_text(), text))
    return int(any(each.failed for row in told.values() for each in row.values()))


def run(kind: Kind, groups: Sequence[str]) -> dict[str, Counted]:
    """The tests of some groups on one kind of engine."""
    report = CHECKOUT / ".layers" / f"engines-{kind.version}-{kind.store}.xml"
    report.parent.mkdir(exist_ok=True)
    report.unlink(missing_ok=True)
    files = [f"tests/e2e/{file}" for group in groups for file in GROUPS[group]]
    command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *files]
    command += [f"--engine={kind.version}", f"--store={kind.store}"]
    subprocess.run(command, cwd=CHECKOUT, check=False)
    return {group: count(report.read_text(), GROUPS[group]) for group in groups}


def count(report: str, files: Sequence[str]) -> Counted:
    """Count the tests of some files in a report (JUnit's XML, as pytest writes it)."""
    modules = {f"tests.e2e.{file.removesuffix('.py')}" for file in files}
    passed = failed = skipped = 0
    for case in ET.fromstring(report).iter("testcase"):
        # a class of tests stands behind the module's name
        if not any(f"{case.get('classname')}.".startswith(f"{module}.") for module in modules):
            continue
        tags = {child.tag for child in case}
        failed += bool(tags & {"failure", "error"})
        skipped += "skipped" in tags
        passed += not tags & {"failure", "error", "skipped"}
    return Counted(passed, failed, skipped)


def table(kinds: Sequence[Kind], told: dict[str, dict[Kind, Counted]]) -> str:
    """Groups by kinds, in Markdown."""
    heads = [f"Docker {kind.version}, {kind.store}" for kind in kinds]
    lines = ["| tests | " + " | ".join(heads) + " |", "|---|" + "---|" * len(kinds)]
    lines += [
        f"| {group} | " + " | ".join(str(row[kind]) for kind in kinds) + " |"
        for group, row in told.items()
    ]
    return "\n".join(lines)


def placed(page: str, text: str) -> str:
    """A page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
