"""Manifests: framing, order, and the stored form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes import BadManifest, Entry, Manifest
from hashes.algorithm import HEX_LENGTHS

TEXTS = st.text(max_size=8)
ENTRIES = st.builds(Entry, TEXTS, TEXTS, TEXTS, st.integers(0, 99), TEXTS)
MANIFESTS = st.builds(
    Manifest,
    st.lists(ENTRIES, max_size=4).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple),
    st.sampled_from(tuple(HEX_LENGTHS)),
)


@given(MANIFESTS)
def test_the_stored_form_is_read_back_exactly(manifest: Manifest) -> None:
    """``from_json(to_json(x)) == x``, and so for the key."""
    again = Manifest.from_json(manifest.to_json())
    assert again == manifest
    assert again.key() == manifest.key()


@given(MANIFESTS, MANIFESTS)
def test_keys_are_equal_only_when_what_counts_is_equal(one: Manifest, two: Manifest) -> None:
    """No two lists of fields look alike; lines and labels do not count."""
    same = [entry[:3] for entry in one.entries] == [entry[:3] for entry in two.entries]
    assert (one.key() == two.key()) is (same and one.algorithm == two.algorithm)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ([("run", "ab", "c")], [("run", "a", "bc")]),
        ([("run", "a", ""), ("run", "", "b")], [("run", "a", "b")]),
        ([("run", "a", "1"), ("run", "b", "2")], [("run", "b", "2"), ("run", "a", "1")]),
    ],
)
def test_fields_are_framed_and_ordered(one: Any, two: Any) -> None:
    """Shifting a letter over a border, or swapping two steps, is a change."""
    first = Manifest(tuple(Entry(*each) for each in one))
    second = Manifest(tuple(Entry(*each) for each in two))
    assert first.key() != second.key()


def test_a_key_does_not_move_between_versions() -> None:
    """Keys are tags in registries: this one changes only together with KEY_VERSION."""
    manifest = Manifest((Entry("platform", "", "linux/amd64"), Entry("run", "RUN", '["x"]', 3)))
    assert str(manifest.key()) == "xxh3-7b57faaabfff2514fc61984f15457768"


def test_configuration_is_no_part_of_the_files_key() -> None:
    """A label of a stage is nothing to those who copy from it."""
    run = Entry("run", "RUN", "x")
    one = Manifest((run, Entry("config", "LABEL a", "1")))
    two = Manifest((run, Entry("config", "LABEL a", "2")))
    assert one.key() != two.key()
    assert one.files_key() == two.files_key()
    assert one.files_key() != one.key()


def test_the_text_has_one_line_an_entry() -> None:
    """Even when a value has several."""
    manifest = Manifest((Entry("heredoc", "EOF", "a\nb\n", 2), Entry("env", "A", "1", 3)))
    assert manifest.text() == 'heredoc EOF "a\\nb\\n"\nenv A 1\n'


def test_names_that_are_not_utf8_have_a_key() -> None:
    """File names are bytes on Linux."""
    one = Manifest((Entry("file", "\udcff", "1"),))
    two = Manifest((Entry("file", "\udcfe", "1"),))
    assert one.key() != two.key()
    assert Manifest.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version":2}',
        '{"version":1,"unpinned":[],"entries":[["a","b","c","d",""]]}',
    ],
)
def test_a_damaged_text_is_refused(text: str) -> None:
    """As an error of ours, which a cache takes for a miss."""
    with pytest.raises(BadManifest):
        Manifest.from_json(text)
