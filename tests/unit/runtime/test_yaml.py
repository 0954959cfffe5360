"""YAML with lines, from files that people and machines damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.runtime.yaml import Value, read_yaml


def read(tmp_path: Path, text: str | bytes) -> Value:
    path = tmp_path / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(str(path), "a.yaml")


def test_values_have_lines_and_stay_text(tmp_path: Path) -> None:
    """``on`` and ``22:22`` are words, as GitHub and compose read them."""
    found = read(tmp_path, "on:\n  push: yes\nports:\n  - 22:22\nnothing:\n")
    assert found.get("on", "push") == Value("yes", 2)
    assert [each.data for each in found.list("ports")] == ["22:22"]
    assert found.get("nothing") == Value(None, 5)


def test_anchors_and_merged_mappings_are_what_they_mean(tmp_path: Path) -> None:
    """Compose files share parts with ``&`` and ``<<``."""
    found = read(tmp_path, "x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n")
    assert {key: each.data for key, each in found.items("y")} == {"a": "1", "b": "3"}


def test_tags_of_compose_are_no_fault(tmp_path: Path) -> None:
    """``!reset`` and ``!override`` mean something to compose alone."""
    assert read(tmp_path, "ports: !override [a]\nenv: !reset null\n").list("ports")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"\xff\xfe\x00junk", "not UTF-8"),
        (b"a: b\n  c: [\n", "a.yaml:"),
        (b"a: \x00\x01", "a.yaml"),
        (b"x: {{ project }}: y\n", "a.yaml:1"),
        (b"a: &a [*a]\n", "without end"),
        (b"a: *nobody\n", "a.yaml:1"),
        (b"[" * 5000, "a.yaml"),
    ],
)
def test_what_is_no_yaml_is_a_sentence(tmp_path: Path, text: bytes, words: str) -> None:
    """Junk, templates, and aliases that stand in what they mean."""
    with pytest.raises(LayersError) as caught:
        read(tmp_path, text)
    assert words in str(caught.value)


def test_an_alias_of_an_alias_costs_no_more_than_it_says(tmp_path: Path) -> None:
    """A file of a kilobyte must not become a gigabyte of values."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    assert len(read(tmp_path, "\n".join(lines)).list("a39")) == 9


def test_an_empty_file_has_nothing(tmp_path: Path) -> None:
    """Nothing is not a fault."""
    assert read(tmp_path, "").items() == []
