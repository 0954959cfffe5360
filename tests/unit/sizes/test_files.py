"""Files: what a container sees of an image, what lies in its layers for nothing, what is twice."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.errors import LayersError
from layers.sizes.contents import SAME_FROM, contents
from layers.sizes.files import Lost
from layers.sizes.measure import Measured
from tests.unit.sizes.archives import Files, measured, packed, tarball

LARGE = b"x" * SAME_FROM
OTHER = b"y" * SAME_FROM


@pytest.mark.parametrize(
    ("layers", "lost"),
    [
        ([{"a": b"123"}, {"b": b"1"}], []),
        ([{"a": b"123"}, {".wh.a": b""}], [Lost(3, "a", 1, 2, "deleted")]),
        ([{"a": b"123"}, {"a": b"45"}], [Lost(3, "a", 1, 2, "overwritten")]),
        ([{"a": LARGE}, {"a": LARGE}], [Lost(SAME_FROM, "a", 1, 2, "repeated")]),
        ([{"a": LARGE}, {"a": OTHER}], [Lost(SAME_FROM, "a", 1, 2, "overwritten")]),
        ([{"d/a": b"1", "d/e/b": b"22"}, {"d": b"f"}], None),
        (
            [{"d/a": b"1", "d/e/b": b"22"}, {".wh.d": b""}],
            [Lost(2, "d/e/b", 1, 2, "deleted"), Lost(1, "d/a", 1, 2, "deleted")],
        ),
        ([{"d/a": b"1"}, {"d": None, "d/b": b"1"}], []),
        ([{"d/a": b"1"}, {"d/.wh..wh..opq": b"", "d/b": b"1"}], [Lost(1, "d/a", 1, 2, "deleted")]),
        ([{"a": b"123", "b": "=>a"}, {".wh.a": b""}], []),
        (
            [{"a": b"123", "b": "=>a"}, {".wh.a": b"", ".wh.b": b""}],
            [Lost(3, "b", 1, 2, "deleted")],
        ),
        (
            [{"usr/lib/x": b"123", "lib": "->usr/lib"}, {"lib/x": b"4"}],
            [Lost(3, "usr/lib/x", 1, 2, "overwritten")],
        ),
        ([{"a": b"1"}, {"a": b"22"}, {".wh.a": b""}], None),
    ],
)
def test_bytes_that_no_container_sees_are_told(
    layers: list[Files], lost: list[Lost] | None
) -> None:
    """Deleted, overwritten or repeated by a later layer; a hard link keeps what it names."""
    found = measured(*layers)
    if lost is not None:
        assert list(found.lost) == lost
    assert balanced(found)


def balanced(found: Measured) -> bool:
    """Whether every byte of the layers is seen or lost."""
    return found.unpacked == found.seen + sum(each.size for each in found.lost)


NAMES = st.sampled_from(["a", "b", "d", "d/a", "d/e", "d/e/a", "l"])
CONTENT = st.one_of(st.binary(max_size=4), st.none(), st.just("->d"))


@st.composite
def layer(draw: st.DrawFn) -> dict[str, bytes | str | None]:
    """A layer whose folders are folders; some of its names are whiteouts."""
    found: dict[str, bytes | str | None] = {}
    for name, content, mark in draw(st.lists(st.tuples(NAMES, CONTENT, st.booleans()), max_size=6)):
        folder, _, base = name.rpartition("/")
        path = f"{folder}/.wh.{base}".lstrip("/") if mark else name
        if path not in found:
            found[path] = b"" if mark else content
    return found


@given(st.lists(layer(), min_size=1, max_size=4))
def test_every_byte_is_seen_or_lost(layers: list[dict[str, bytes | str | None]]) -> None:
    """Whatever layers do to one another; what no engine unpacks is an error of its own."""
    try:
        found = measured(*layers)
    except LayersError as error:
        assert "no engine unpacks" in str(error)  # noqa: PT017 - most cases raise nothing
        return
    assert balanced(found)


def test_a_byte_that_is_forgotten_is_seen() -> None:
    """The law can fail."""
    found = measured({"a": b"123"}, {".wh.a": b""})
    assert not balanced(found._replace(lost=()))


def test_files_of_the_same_bytes_are_told_once_with_all_paths() -> None:
    """From 64 KiB on; a hard link is no second file, and a file that is gone none at all."""
    small = LARGE[:-1]
    found = measured(
        {"a": LARGE, "b": "=>a", "c/d": LARGE, "s": small, "t": small},
        {"e": OTHER, "f": OTHER, "g": LARGE, ".wh.f": b""},
    )
    (twice,) = found.duplicates
    assert twice.paths == ("a", "g", "c/d")
    assert (twice.size, twice.spare) == (SAME_FROM, 2 * SAME_FROM)
    assert found.files == 6


@pytest.mark.parametrize("how", ["", "gzip", "zstd"])
def test_a_layer_that_breaks_off_is_an_error(how: str) -> None:
    """A sentence that names it, whatever packs it."""
    from layers.sizes.saved_image import unpacked

    data = packed(tarball({"a": bytes(range(256)) * 400}), how)
    with pytest.raises(LayersError, match="layer five cannot be read"):
        contents(unpacked(io.BytesIO(data[: len(data) // 2])), "five")


def test_an_empty_layer_is_read() -> None:
    """A tarball without entries."""
    assert contents(io.BytesIO(tarball({})), "x") == ()
