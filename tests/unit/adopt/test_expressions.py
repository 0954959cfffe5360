"""Expressions of workflows, as far as files tell what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.adopt.sources.expressions import UNKNOWN, Scope, combinations, expand
from layers.runtime.yaml import read_yaml

SCOPE = Scope(
    {"matrix": {"v": "3.12", "image": {"file": "a/Dockerfile"}}, "env": {"OWNER": "shop"}},
    frozenset(("matrix",)),
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("py-${{ matrix.v }}", "py-3.12"),
        ("${{matrix.image.file}}", "a/Dockerfile"),
        ("${{ matrix['v'] }}", "3.12"),
        ("${{ env.OWNER }}/${{ matrix.v }}", "shop/3.12"),
        ("${{ matrix.none || 'it''s' }}", "it's"),
        ("${{ matrix.none }}", ""),
        ("${{ 'a || b' }}", "a || b"),
        ("${{ true }}", "true"),
    ],
)
def test_what_files_tell_is_looked_up(text: str, value: str) -> None:
    """Values of the matrix, of env and of inputs, and literals."""
    found = expand(text, SCOPE)
    assert (found.text, found.unknown) == (value, ())


@pytest.mark.parametrize(
    "expression",
    [
        "github.sha",
        "env.OTHER",
        "steps.meta.outputs.tags",
        "format('{0}', 1)",
        "a && b",
        "matrix",
        "fromJson(needs.x.outputs.y)",
        "secrets.TOKEN",
        "matrix.image",
        "",
    ],
)
def test_what_only_a_run_tells_is_unknown_by_its_own_words(expression: str) -> None:
    """Nothing is made up in its place."""
    found = expand(f"a-${{{{ {expression} }}}}", SCOPE)
    assert found.unknown == (f"${{{{ {expression} }}}}",)
    assert found.text == f"a-{UNKNOWN}"


def jobs(tmp_path: Path, text: str) -> list[dict[str, Any]] | None:
    (tmp_path / "m.yaml").write_text(text)
    return combinations(read_yaml(str(tmp_path / "m.yaml"), "m.yaml"), Scope({}))


def test_axes_are_multiplied_and_excluded(tmp_path: Path) -> None:
    """As GitHub does it."""
    text = "os: [a, b]\nv: [1, 2]\nexclude:\n  - {os: b, v: 1}\n"
    assert jobs(tmp_path, text) == [
        {"os": "a", "v": "1"},
        {"os": "a", "v": "2"},
        {"os": "b", "v": "2"},
    ]


def test_include_extends_what_it_fits_and_adds_the_rest(tmp_path: Path) -> None:
    """The example of GitHub's documentation in small."""
    text = "v: [1, 2]\ninclude:\n  - {v: 1, tag: one}\n  - {v: 3, tag: three}\n  - {all: yes}\n"
    assert jobs(tmp_path, text) == [
        {"v": "1", "tag": "one", "all": "yes"},
        {"v": "2", "all": "yes"},
        {"v": "3", "tag": "three"},
    ]


def test_a_matrix_of_includes_alone_is_those(tmp_path: Path) -> None:
    """The usual way to list images."""
    assert jobs(tmp_path, "include:\n  - {name: a}\n  - {name: b}\n") == [
        {"name": "a"},
        {"name": "b"},
    ]


def test_a_matrix_that_an_earlier_job_makes_is_unknown(tmp_path: Path) -> None:
    """``fromJson`` of an output: no file has it."""
    assert jobs(tmp_path, "v: ${{ fromJson(needs.a.outputs.b) }}\n") is None
    assert jobs(tmp_path, "${{ fromJson(needs.a.outputs.b) }}\n") is None


def test_no_matrix_is_bigger_than_github_takes(tmp_path: Path) -> None:
    """A million combinations are cut at GitHub's own limit."""
    axis = ", ".join(map(str, range(100)))
    found = jobs(tmp_path, f"a: [{axis}]\nb: [{axis}]\nc: [{axis}]\n")
    assert found is not None
    assert len(found) == 256
