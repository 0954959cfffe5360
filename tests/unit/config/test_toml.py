"""The line scanner finds exactly the keys that the TOML reader finds, each on its own line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.config.toml import Path, TomlError, read
from layers.config.toml_lines import lines

Strategy = st.SearchStrategy[str]

AWKWARD = '''# [no.table]
a = 1 # b = 2
"quoted key" = """
[not.a.table]
x = "y" """ # """
'lit"eral' = \'\'\'
[[no]]\'\'\'
five = """a"""""
empty = """"""
none = ""
esc = "a \\" # \\\\"
dotted . "in side" = [ 1, # one
  { x = 1, y = [ "]" ] },
]
when = 1979-05-27 07:32:00
"\\u00e9" = { }

[t.u]
v = { w.x = 1, "y z" = { } }
[t]
k = true
[[list]]
n = 1
[list.sub]
m = 1
[[list.deep]]
[[list.deep]]
d = []
[[list]]
[[list.deep]]
e = '#'
'''


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path of a read TOML document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, key))


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("quoted key",), 3),
        (('lit"eral',), 6),
        (("five",), 8),
        (("esc",), 11),
        (("dotted",), 12),
        (("dotted", "in side", 0), 12),
        (("dotted", "in side", 1, "y", 0), 13),
        (("é",), 16),
        (("t",), 20),
        (("t", "u"), 18),
        (("t", "u", "v", "w", "x"), 19),
        (("list",), 22),
        (("list", 0, "deep", 1), 27),
        (("list", 1), 29),
        (("list", 1, "deep", 0, "e"), 31),
    ],
)
def test_each_key_of_an_awkward_file_has_its_line(path: Path, line: int) -> None:
    """Quoted keys, multi-line strings, comments, inline tables and arrays of tables."""
    assert lines(AWKWARD)[path] == line


def test_the_scanner_and_the_reader_find_the_same_keys_in_an_awkward_file() -> None:
    """Nothing in a string or comment is taken for a key, and no key is missed."""
    assert set(lines(AWKWARD)) == set(paths(read(AWKWARD, "f")))


def test_windows_line_ends_count_once() -> None:
    """A carriage return is no line of its own."""
    assert lines(AWKWARD.replace("\n", "\r\n")) == lines(AWKWARD)


_bare = st.text(alphabet="ab-_1", min_size=1, max_size=3)
_key = _bare | st.sampled_from(['"a.b"', "'#'", '"x = 1"', '"\\""', '""', '"[t]"'])
_space = st.sampled_from(["", " ", "\t"])
_gap = st.sampled_from(["", " ", "\n", " # c ] }\n"])
_scalar = st.sampled_from(
    [
        "1",
        "-2.5e3",
        "true",
        "1979-05-27 07:32:00Z",
        '"#"',
        "'\\'",
        '"\\""',
        '"""\n"\n"""',
        "'''\n'''",
        '"""""""',
        "'''a'''''",
        '"""\\"""x"""',
        "inf",
        '"]}, "',
    ]
)


def _array(values: Strategy) -> Strategy:
    return st.builds(
        lambda items, gap, end: (
            f"[{gap}{f',{gap}'.join(items)}{',' if items and end else ''}{gap}]"
        ),
        st.lists(values, max_size=3),
        _gap,
        st.booleans(),
    )


def _inline(values: Strategy) -> Strategy:
    return st.builds(
        lambda keys, value: "{ " + ", ".join(f"{key} = {value}" for key in keys) + " }",
        st.lists(_key, max_size=3, unique=True),
        values,
    )


_value = st.recursive(_scalar, lambda inner: _array(inner) | _inline(inner), max_leaves=4)
_keys = st.lists(_key, min_size=1, max_size=3).map(".".join)
_pair = st.builds(lambda key, space, value: f"{key}{space}={space}{value}", _keys, _space, _value)
_header = _keys.map(lambda key: f"[ {key}]") | _keys.map(lambda key: f"[[{key} ]]")
_document = st.lists(_pair | _header | st.sampled_from(["", "# c"]), max_size=8).map("\n".join)


@given(_document)
def test_the_scanner_and_the_reader_find_the_same_keys(text: str) -> None:
    """Whatever the reader accepts, the scanner reads in the same way."""
    try:
        data = read(text, "f")
    except TomlError:
        return
    found = lines(text)
    assert set(found) == set(paths(data))
    for path, line in found.items():
        if isinstance(path[-1], str):  # decoded keys are written with quotes or escapes
            assert path[-1].replace('"', '\\"') in text.split("\n")[line - 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\nb\n", "f:2: not TOML: Expected '=' after a key"),
        ("a = 1\na = 2\n", "f:2: not TOML: Cannot overwrite a value"),
        ("a = [\n\n", "f:3: not TOML: "),
        ('a = "x\n', "f:1: not TOML: Illegal character '\\n'"),
    ],
)
def test_a_syntax_error_names_file_and_line(text: str, expected: str) -> None:
    """The reader's own words, our form of a place."""
    with pytest.raises(TomlError) as caught:
        read(text, "f")
    assert str(caught.value).startswith(expected)
    assert "(at" not in str(caught.value)
