"""``./run pythons``: wheel and sdist in clean environments of each Python, as a table.

A Python is looked for on this machine, then in Debian's archive.  One that neither has is named,
and its column says "not tried".
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hashes.errors import LayersError
from tests.e2e.lab import CHECKOUT
from tests.marks import Marks
from tests.pythons import debian, machine

VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
PAGE = CHECKOUT / "docs" / "manual.md"
MARKS = Marks.of("pythons")
FOLDER = CHECKOUT / ".layers" / "pythons"
TESTS = "tests/e2e/test_wheel.py"


class Row(NamedTuple):
    """What came of one Python."""

    version: str
    """As it says itself, such as ``3.12.1``; as it was asked for where there is none."""
    source: str
    """Where it is from; why there is none."""
    result: str
    ok: bool = True


def main(words: Sequence[str]) -> int:
    """Try what is asked for; status 1 when a test fails on a Python that is there."""
    parser = argparse.ArgumentParser(prog="./run pythons", description=__doc__)
    parser.add_argument("versions", nargs="*", metavar="3.N", help=f"of {', '.join(VERSIONS)}")
    parser.add_argument("--write", action="store_true", help="write the table of docs/manual.md")
    asked = parser.parse_args(words)
    if unknown := set(asked.versions) - set(VERSIONS):
        parser.error(f"{', '.join(sorted(unknown))}: one of {', '.join(VERSIONS)} was expected")
    if asked.write and asked.versions:
        parser.error("--write writes of all versions: name none")
    rows = [tried(version) for version in asked.versions or VERSIONS]
    print(table(rows))
    if asked.write:
        PAGE.write_text(MARKS.placed(PAGE.read_text(), table(rows)))
    return int(not all(row.ok for row in rows))


def tried(version: str) -> Row:
    """Run the tests of the wheel on one Python, wherever it is found."""
    try:
        program, source = found(version)
    except LayersError as error:
        print(f"Python {version} is not tried: {error.message}", file=sys.stderr)
        return Row(version, error.message.partition("\n")[0], "not tried")
    full = said(program, "import platform; print(platform.python_version())")
    print(f"Python {full}, {source}: {program}", file=sys.stderr)
    report = FOLDER / f"{version}.xml"
    report.unlink(missing_ok=True)
    begin = time.monotonic()
    words = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", TESTS]
    env = {**os.environ, "WHEEL_PYTHONS": str(program), "RUNNER_TOOL_CACHE": os.devnull}
    status = subprocess.run(words, cwd=CHECKOUT, env=env, check=False).returncode
    if status not in (0, 1):  # 1: tests failed, all ran (pytest's exit codes)
        sys.exit(f"pytest ended with status {status}")
    return Row(full, source, counted(report.read_text(), time.monotonic() - begin), status == 0)


def found(version: str) -> tuple[Path, str]:
    """A Python and where it is from; raises LayersError where none can be had."""
    program = machine.find(version, os.environ)
    if program is not None:
        return program, "this machine"
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        return debian.bring(version, FOLDER), f"Debian's {debian.RELEASES.get(version)}"
    except LayersError as error:
        raise LayersError(f"not on this machine, and {error.message}") from error


def said(program: Path, code: str) -> str:
    """What a Python prints."""
    words = [str(program), "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def counted(report: str, seconds: float) -> str:
    """The sum of a report (JUnit's XML, as pytest writes it)."""
    cases = list(ET.fromstring(report).iter("testcase"))
    failed = sum(any(each.tag in ("failure", "error") for each in case) for case in cases)
    words = [f"{len(cases) - failed} passed"] + ([f"**{failed} failed**"] if failed else [])
    return f"{', '.join(words)} ({seconds:.0f} s)"


def table(rows: Sequence[Row]) -> str:
    """In Markdown, a row a Python."""
    lines = ["| Python | from | wheel and sdist |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {r.version} | {r.source} | {r.result} |" for r in rows)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
