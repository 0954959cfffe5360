"""The table of `./run engines` says what pytest's report says, and where it belongs."""

from __future__ import annotations

from tests.e2e.engines import (
    GROUPS,
    MARKS,
    MEMORY,
    PAGE,
    REST,
    Counted,
    Kind,
    count,
    counted,
    files,
    memory,
    remembered,
    table,
)
from tests.e2e.lab import CHECKOUT

REPORT = """<testsuites><testsuite timestamp="2026-11-28T08:01:31.1+00:00">
<testcase classname="tests.e2e.test_gc" name="a"/>
<testcase classname="tests.e2e.test_gc" name="b"><failure>no</failure></testcase>
<testcase classname="tests.e2e.test_gc" name="c"><error>no</error></testcase>
<testcase classname="tests.e2e.test_gc" name="d"><skipped>no</skipped></testcase>
<testcase classname="tests.e2e.test_engine_real.TestDockerEngine" name="e"/>
<testcase classname="tests.e2e.test_gcx" name="f"/>
</testsuite></testsuites>"""
DAY = "2026-11-28"
OLD, NEW = Kind("26", "containerd"), Kind("28", "classic")


def test_a_report_is_counted_by_file() -> None:
    """Failures and errors are one; tests of a class count for their file."""
    assert count(REPORT, ["test_gc.py"]) == Counted(1, 2, 1, DAY)
    assert count(REPORT, ["test_engine_real.py"]) == Counted(1, 0, 0, DAY)


def test_a_group_of_which_nothing_ran_is_not_counted() -> None:
    """A report of some files changes no cell of others."""
    assert set(counted(REPORT, [*GROUPS, REST])) == {"gc", "images by name, pull, push"}


def test_a_failure_shows_in_the_table() -> None:
    """Skipped tests are those that such an engine cannot have; a dash is what nobody ran."""
    told = {
        ("gc", NEW): Counted(3, 2, 1, DAY),
        ("up", NEW): Counted(4, 0, 0, "2026-11-27"),
        ("up", OLD): Counted(5, 0, 0, DAY),
    }
    assert table(told).splitlines() == [
        "| tests | Docker 26, containerd | Docker 28, classic |",
        "|---|---|---|",
        "| gc | – | 3, **2 failed**, 1 not for it |",
        "| up | 5 | 4 |",
        "| run on | 2026-11-28 | 2026-11-27 to 2026-11-28 |",
    ]


def test_what_ran_is_remembered() -> None:
    """So that one group can be run anew; a group that was renamed is forgotten."""
    told = {("gc", NEW): Counted(3, 2, 1, DAY), (REST, OLD): Counted(5, 0, 0, DAY)}
    assert remembered(memory(told)) == told
    assert remembered(memory(told).replace('"gc"', '"no more"')) == {(REST, OLD): told[REST, OLD]}


def test_the_page_shows_what_is_remembered() -> None:
    """Nobody wrote into the table by hand."""
    told = remembered(MEMORY.read_text())
    page = PAGE.read_text()
    assert MARKS.placed(page, table(told)) == page
    assert MEMORY.read_text() == memory(told)


def test_the_page_has_one_place_for_it() -> None:
    """What is around stays."""
    page = PAGE.read_text()
    assert page.count(MARKS.begin) == page.count(MARKS.end) == 1
    begin, end = MARKS
    assert MARKS.placed(f"a\n{begin}\nold\n{end}\nb\n", "new") == (
        f"a\n{begin}\n\nnew\n\n{end}\nb\n"
    )


def test_every_file_of_tests_is_in_one_group() -> None:
    """A file that is renamed would count as nothing, one in two groups twice."""
    named = [file for group in (*GROUPS, REST) for file in files(group)]
    there = (CHECKOUT / "tests" / "e2e").glob("test_*.py")
    assert sorted(named) == sorted(each.name for each in there)
