"""The table of `./run engines` says what pytest's report says, and where it belongs."""

from __future__ import annotations

from tests.e2e.engines import BEGIN, END, GROUPS, PAGE, Counted, Kind, count, placed, table
from tests.e2e.lab import CHECKOUT

REPORT = """<testsuites><testsuite>
<testcase classname="tests.e2e.test_gc" name="a"/>
<testcase classname="tests.e2e.test_gc" name="b"><failure>no</failure></testcase>
<testcase classname="tests.e2e.test_gc" name="c"><error>no</error></testcase>
<testcase classname="tests.e2e.test_gc" name="d"><skipped>no</skipped></testcase>
<testcase classname="tests.e2e.test_engine_real.TestDockerEngine" name="e"/>
<testcase classname="tests.e2e.test_gcx" name="f"/>
</testsuite></testsuites>"""


def test_a_report_is_counted_by_file() -> None:
    """Failures and errors are one; tests of a class count for their file."""
    assert count(REPORT, ["test_gc.py"]) == Counted(1, 2, 1)
    assert count(REPORT, ["test_engine_real.py"]) == Counted(1, 0, 0)


def test_a_failure_shows_in_the_table() -> None:
    """Skipped tests are those that such an engine cannot have."""
    kind = Kind("28", "classic")
    text = table([kind], {"gc": {kind: Counted(3, 2, 1)}, "up": {kind: Counted(4, 0, 0)}})
    assert text.splitlines()[0] == "| tests | Docker 28, classic |"
    assert text.splitlines()[2:] == ["| gc | 3, **2 failed**, 1 not for it |", "| up | 4 |"]


def test_the_page_has_one_place_for_it() -> None:
    """What is around stays."""
    page = PAGE.read_text()
    assert page.count(BEGIN) == page.count(END) == 1
    assert placed(f"a\n{BEGIN}\nold\n{END}\nb\n", "new") == f"a\n{BEGIN}\n\nnew\n\n{END}\nb\n"


def test_every_group_names_files_that_are_there() -> None:
    """A file that is renamed would count as nothing."""
    files = [file for group in GROUPS.values() for file in group]
    assert [file for file in files if not (CHECKOUT / "tests" / "e2e" / file).exists()] == []
