"""The table of faults and the tests of faults are the same list."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"
E2E = ROOT / "tests" / "e2e"


def rows() -> list[list[str]]:
    """The cells of the table's rows."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def named() -> list[str]:
    """The tests that rows name."""
    return [name for row in rows() for name in re.findall(r"`(test_\w+)`", row[-1])]


def in_file(path: Path) -> set[str]:
    """The tests that a file has."""
    tree = ast.parse(path.read_text())
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {name for name in found if name.startswith("test_")}


def test_every_row_says_all_and_names_a_test_that_exists() -> None:
    """What breaks, what one sees, what the next run does, and the proof."""
    known = {name for path in E2E.glob("test_*.py") for name in in_file(path)}
    assert len(rows()) > 20
    for row in rows():
        assert len(row) == 4, row
        assert all(row), row
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", row[-1]), row
    assert [name for name in named() if name not in known] == []


def test_every_test_of_a_fault_has_its_row() -> None:
    """A fault that is tested is one that a reader may look for."""
    found = {name for path in E2E.glob("test_faults_*.py") for name in in_file(path)}
    assert len(found) > 20
    assert found - set(named()) == set()
    assert len(named()) == len(set(named()))


def test_the_table_is_sorted_by_what_breaks() -> None:
    """By its first word; within one, as it happens."""
    parts = [row[0].partition(":")[0] for row in rows()]
    assert parts == sorted(parts)
