"""The listing: a tree that fits the screen, lines that a pipe can rely on, a sum that adds up."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from layers.report.listing import Row, as_lines, as_tree, summed

DAY = 86400.0
NOW = 1e9
LONG = "requirements.txt changed: torch 2.0.1 → 2.1.0, and a word for a wide screen"

ROWS = [
    Row("base", (), "fresh", "engine", 13_000_000_000, NOW - 3 * DAY),
    Row("pose:torch", ("base",), "build", expected=1500.0, reasons=(LONG, "b", "c")),
    Row("pose", ("pose:torch", "base"), "build", reasons=("pose:torch is built first",)),
    Row("api", ("base", "other"), "pull", "registry", 4_100_000_000, expected=41.0),
    Row("bad", (), "error", problem="bad/Dockerfile:2: no instruction\n  did you mean RUN?"),
]
SUM = "2 to build (≈ 25 min, 1 never built here), 1 to pull (up to 4.1 GB), 1 fresh"


def tree(width: int, *, utf: bool = True) -> str:
    return as_tree(ROWS, SUM, NOW, width=width, color=False, utf=utf)


def test_a_narrow_screen_has_reasons_below_their_rows() -> None:
    """Guides of the tree go on beside them."""
    assert (
        tree(52)
        == """\
image          state    size  age       time
base           fresh   13 GB  3 days
├─ pose:torch  build                  25 min
│  │    requirements.txt changed: torch 2.…  +2 more
│  └─ pose     build                       ?
│       pose:torch is built first
└─ api         pull   4.1 GB            41 s
bad            error
  bad/Dockerfile:2: no instruction
  did you mean RUN?

2 to build (≈ 25 min, 1 never built here), 1 to pull
(up to 4.1 GB), 1 fresh
"""
    )
    assert tree(60).splitlines()[0] == "image          state  where       size  age       time"


def test_a_wide_screen_has_a_line_a_row() -> None:
    """Nothing is cut that fits, and where it is has a column."""
    lines = tree(200).splitlines()
    assert lines[0].split() == ["image", "state", "where", "size", "age", "time", "why"]
    assert lines[2].endswith(f"25 min  {LONG}  +2 more")
    assert lines[4].startswith("└─ api")
    assert "registry" in lines[4]
    assert len(lines) == 10


def test_without_utf_8_the_tree_is_ascii() -> None:
    """Its guides, that is; names and reasons are the user's."""
    text = as_tree(ROWS[3:], "", NOW, width=80, color=False, utf=False)
    assert text.isascii()
    assert "|- pose:torch" in tree(100, utf=False)
    assert "`- api" in tree(100, utf=False)


def test_columns_with_nothing_to_tell_are_left_out() -> None:
    """Of a project that is up to date neither time nor reason."""
    text = as_tree(ROWS[:1], "1 fresh", NOW, width=80, color=False)
    assert text == (
        "image  state  where    size  age\nbase   fresh  engine  13 GB  3 days\n\n1 fresh\n"
    )


def test_the_state_is_a_word_and_a_colour() -> None:
    """Padding has none."""
    text = as_tree(ROWS, SUM, NOW, width=100, color=True)
    for word, paint in (("fresh", 32), ("build", 33), ("pull ", 36), ("error", 31)):
        assert f"  \x1b[{paint}m{word}\x1b[0m" in text


@pytest.mark.parametrize("width", [80, 200])
def test_wide_characters_are_counted_by_cells(width: int) -> None:
    """A path may be in any script."""
    row = Row("api", (), "build", reasons=("画像/設定ファイル.toml changed " * 9, "b"))
    text = as_tree([row], "", NOW, width=width, color=False)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "  +1 more\n" in text


NAMES = [f"image-{n}" for n in range(8)]


@st.composite
def rows(draw: st.DrawFn) -> list[Row]:
    """Rows, parents before children."""
    found = []
    for n, name in enumerate(NAMES[: draw(st.integers(1, 8))]):
        state = draw(st.sampled_from(["fresh", "pull", "build", "error"]))
        parents = draw(
            st.lists(st.sampled_from([*NAMES[:n], "elsewhere"]), max_size=3, unique=True)
        )
        text = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1)
        found.append(
            Row(
                name,
                tuple(parents),
                state,
                {"fresh": "engine", "pull": "registry"}.get(state, ""),
                draw(st.none() | st.integers(0, 10**13)),
                draw(st.none() | st.floats(0, NOW)),
                draw(st.none() | st.floats(0, 1e6)),
                tuple(draw(st.lists(text, max_size=4))),
                draw(st.just("") | text),
            )
        )
    return found


@settings(deadline=None, max_examples=200)
@given(rows(), st.integers(80, 200))
def test_every_row_stands_once_below_a_parent_and_fits(found: list[Row], width: int) -> None:
    """In a tree of any shape, on any screen from 80 columns on."""
    lines = as_tree(found, "", NOW, width=width, color=False).splitlines()
    assert max(map(len, lines)) <= width
    heads = [line for line in lines[1:] if line.lstrip("│├└─ ").startswith("image-")]
    named = {line.lstrip("│├└─ ").split()[0]: (n, line) for n, line in enumerate(heads)}
    assert set(named) == {row.name for row in found}
    assert len(heads) == len(found)
    for row in found:
        shown = [name for name in row.parents if name in named]
        place, line = named[row.name]
        depth = line.index("image-") // 3
        if shown:
            above, parent = named[shown[0]]
            assert above < place
            assert parent.index("image-") // 3 == depth - 1
        else:
            assert depth == 0


@settings(deadline=None)
@given(rows())
def test_a_pipe_gets_seven_columns_in_the_order_of_the_plan(found: list[Row]) -> None:
    """Parted by one tab, each column of one width, nothing empty."""
    text = as_lines(found, "the sum", NOW)
    table = [line.split("\t") for line in text.splitlines() if "\t" in line]
    assert [cells[0].strip() for cells in table] == [row.name for row in found]
    assert {len(cells) for cells in table} == {7}
    assert all(cell.strip() for cells in table for cell in cells)
    for column in range(6):
        assert len({len(cells[column]) for cells in table}) == 1
    assert text.endswith("\n\nthe sum\n")


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ({"fresh": 3}, "3 fresh"),
        ({}, "0 fresh"),
        ({"build": 2, "seconds": 1560.0, "pull": 1, "size": 4_100_000_000, "fresh": 3},
         "2 to build (≈ 26 min), 1 to pull (up to 4.1 GB), 3 fresh"),
        ({"build": 2, "unknown": 2}, "2 to build (never built here)"),
        ({"build": 2, "seconds": 41.0, "unknown": 1}, "2 to build (≈ 41 s, 1 never built here)"),
        ({"assemble": 2}, "2 to assemble"),
        ({"pull": 1, "error": 2}, "1 to pull, 2 that cannot be made"),
    ],
)  # fmt: skip
def test_the_sum_tells_what_is_known(found: dict[str, float], text: str) -> None:
    """And no number that nobody knows."""
    nothing = {"build": 0, "pull": 0, "assemble": 0, "fresh": 0, "error": 0, "unknown": 0}
    assert summed(**{**nothing, "seconds": None, "size": None, **found}) == text  # type: ignore[arg-type]


def test_a_pipe_costs_no_import_of_rich() -> None:
    """Nor does a terminal whose names are ASCII."""
    code = (
        "import sys; from layers.report.listing import Row, as_lines, as_tree\n"
        "row = Row('a', (), 'build', reasons=('b',))\n"
        "as_lines([row], '', 0); as_tree([row], '', 0, width=80, color=True)\n"
        "print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
