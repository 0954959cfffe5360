"""The table of a plan: fits the screen, uses a wide one, and is stable in a pipe."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from layers.report.planning import Planned, as_lines, as_table
from tests.unit.test_docs import MANUAL, blocks

ROWS = [
    Planned("base", ("pull",), 0.0, 30.0, 4_100_000_000),
    Planned("pose:torch", ("build", "push"), 30.0, 1500.0, None, ("base",)),
    Planned("api", ("build",), 30.0, None, None, ("base",)),
    Planned("pose", ("build",), None, 20.0, None, ("pose:torch", "base")),
    Planned("bad", ("error",), problem="bad/Dockerfile:2: no instruction\n  did you mean RUN?"),
]
SUM = "3 to build (≈ 26 min, 1 never built here), 1 to pull (up to 4.1 GB)"


EXAMPLE = [
    Planned("base-python", ("pull",), 0.0, 41.0, 410_000_000),
    Planned("frontend", ("build", "push"), 0.0, 95.0),
    Planned("backend-api", ("build",), 0.0),
    Planned("pose:deps", ("build", "push"), 41.0, 360.0, None, ("base-python",)),
    Planned("pose", ("build", "push"), 401.0, 130.0, None, ("pose:deps", "base-python")),
]
COMES_TO = "4 to build (≈ 9 min, 1 never built here), 1 to pull (up to 410 MB)"


def table(width: int, *, color: bool = False, utf: bool = True) -> str:
    return as_table(ROWS, SUM, width=width, color=color, utf=utf)


def test_eighty_columns_have_what_a_row_waits_for_beside_it() -> None:
    """Bars need more; a problem stands below its row with all its lines."""
    assert (
        table(80)
        == """\
image       does         begins   takes   bytes  after
base        pull            now    30 s  4.1 GB
pose:torch  build, push    30 s  25 min       ?  base
api         build          30 s       ?          base
pose        build             ?    20 s          pose:torch, base
bad         error
  bad/Dockerfile:2: no instruction
  did you mean RUN?

3 to build (≈ 26 min, 1 never built here), 1 to pull (up to 4.1 GB)
"""
    )


def test_a_wide_screen_has_bars() -> None:
    """To one scale; what ends nobody knows when has a question mark, else there is none."""
    lines = table(200).splitlines()
    assert lines[1].endswith("█")
    assert lines[2].count("█") == 59
    assert lines[3].endswith(" ?")
    assert "█" not in lines[4]
    assert table(200, utf=False).count("#") == 60


def test_the_manual_shows_what_is_shown() -> None:
    """Its example, on a terminal of 100 columns."""
    shown = [block.text for block in blocks(MANUAL) if block.text.startswith("$ doit plan\n")]
    assert shown == ["$ doit plan\n" + as_table(EXAMPLE, COMES_TO, width=100, color=False)]


def test_where_it_is_narrow_names_stand_below() -> None:
    """Sizes go first."""
    lines = table(45).splitlines()
    assert lines[0].split() == ["image", "does", "begins", "takes"]
    assert lines[2:4] == ["pose:torch  build, push    30 s  25 min", "  after base"]


def test_colour_is_for_what_is_done() -> None:
    """And for the heading."""
    text = table(100, color=True)
    assert "  \x1b[36mpull       \x1b[0m" in text
    assert "  \x1b[33mbuild, push\x1b[0m" in text
    assert text.startswith("\x1b[2mimage")


def test_a_pipe_has_a_line_a_row() -> None:
    """Aligned and parted by tabs."""
    assert as_lines(ROWS[:2], SUM).splitlines() == [
        "base      \tpull       \tnow \t30 s  \t4.1 GB\t-",
        "pose:torch\tbuild, push\t30 s\t25 min\t?     \tbase",
        "",
        SUM,
    ]


def test_nothing_to_do_is_the_sum_alone() -> None:
    """Wherever it goes."""
    assert as_lines([], "3 fresh") == as_table([], "3 fresh", width=80, color=False) == "3 fresh\n"


TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=90)
ROW = st.builds(
    Planned,
    TEXT,
    st.sampled_from([("pull",), ("build",), ("build", "push"), ("assemble", "pull"), ("push",)]),
    st.none() | st.floats(0, 1e6),
    st.none() | st.floats(0, 1e6),
    st.none() | st.integers(0, 10**13),
    st.lists(TEXT, max_size=4).map(tuple),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(ROW, min_size=1, max_size=8), st.integers(80, 200))
def test_every_row_fits(found: list[Planned], width: int) -> None:
    """On any screen from 80 columns on, with names in any script."""
    lines = as_table(found, "", width=width, color=False).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert len(lines) >= len(found) + 1


@pytest.mark.parametrize("width", [80, 200])
def test_times_are_told_whole(width: int) -> None:
    """Only names are cut."""
    row = Planned("n" * 190, ("assemble", "pull"), 5000.0, 86000.0, 10**13, ("m" * 90,))
    text = as_table([row], "", width=width, color=False)
    assert all(each in text for each in ("assemble, pull", "1 h 23 min", "23 h 53 min", "nn…"))
