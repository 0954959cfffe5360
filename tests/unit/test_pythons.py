"""``./run pythons`` finds a Python where there is one, and says so where there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hashes.errors import LayersError
from tests.pythons import debian, machine
from tests.pythons.__main__ import MARKS, PAGE, VERSIONS, Row, counted, table


def laid(root: Path, *paths: str) -> None:
    """Files that could be Pythons."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch(mode=0o755)


def test_the_newest_of_a_version_comes_first(tmp_path: Path) -> None:
    """PATH, then pyenv, uv and the runner's; of one folder 3.12.10 before 3.12.9."""
    paths = [
        "bin/python3.12",
        "home/.pyenv/versions/3.12.10/bin/python3",
        "home/.pyenv/versions/3.12.9/bin/python3",
        "home/.local/share/uv/python/cpython-3.12.4-linux-x86_64-gnu/bin/python3",
        "tools/Python/3.12.1/x64/bin/python3",
    ]
    laid(tmp_path, *paths, "home/.pyenv/versions/3.1.2/bin/python3")
    env = {"PATH": f"{tmp_path}/bin", "HOME": f"{tmp_path}/home"}
    env["RUNNER_TOOL_CACHE"] = f"{tmp_path}/tools"
    assert list(machine.candidates("3.12", env)) == [tmp_path / path for path in paths]


def test_a_shim_of_pyenv_is_no_python(tmp_path: Path) -> None:
    """It fails where that version is not in use."""
    laid(tmp_path, "shims/python3.12")
    env = {"PATH": f"{tmp_path}/shims", "HOME": f"{tmp_path}", "RUNNER_TOOL_CACHE": os.devnull}
    assert list(machine.candidates("3.12", env)) == []


def test_a_program_that_is_no_whole_python_is_passed_over(tmp_path: Path) -> None:
    """Such as one of another version."""
    (tmp_path / "python3.12").write_text("#!/bin/sh\necho 3 11\n")
    (tmp_path / "python3.12").chmod(0o755)
    env = {"PATH": f"{tmp_path}", "HOME": f"{tmp_path}", "RUNNER_TOOL_CACHE": os.devnull}
    assert machine.find("3.12", env) is None


def test_what_no_release_has_is_said(tmp_path: Path) -> None:
    """Nothing is fetched for it."""
    with pytest.raises(LayersError, match=r"^no release of Debian has Python 3\.12$"):
        debian.bring("3.12", tmp_path)
    assert set(debian.RELEASES) < set(VERSIONS)


def test_a_failure_shows_in_the_table() -> None:
    """Errors of a fixture count as failures."""
    report = "<r><testcase/><testcase><error/></testcase><testcase><failure/></testcase></r>"
    assert counted(report, 7.4) == "1 passed, **2 failed** (7 s)"
    rows = [Row("3.14.2", "this machine", "3 passed (9 s)"), Row("3.12", "nowhere", "not tried")]
    assert table(rows).splitlines()[2:] == [
        "| 3.14.2 | this machine | 3 passed (9 s) |",
        "| 3.12 | nowhere | not tried |",
    ]


def test_the_page_tells_of_every_version() -> None:
    """A row each, in their order, between marks that stand there once."""
    page = PAGE.read_text()
    assert page.count(MARKS.begin) == page.count(MARKS.end) == 1
    part = page.partition(MARKS.begin)[2].partition(MARKS.end)[0]
    rows = [line.split("|")[1].strip() for line in part.splitlines() if line.startswith("| 3.")]
    assert [".".join(each.split(".")[:2]) for each in rows] == list(VERSIONS)
