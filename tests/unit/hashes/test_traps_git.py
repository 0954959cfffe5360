"""Trap 29: contexts and git."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes.context.sources import Sources
from hashes.context.tree import Tree
from layers.config.load import load

SPEC = 'version = 1\n[project]\nname = "x"\n[images.a]\ncontext = "{}"\n'


@pytest.mark.parametrize(
    "address", ["https://github.com/a/b.git#main", "git@github.com:a/b.git", "github.com/a/b"]
)
def test_row_29_a_context_is_a_folder_and_no_git_address(address: str) -> None:
    """BuildKit would clone it: other modes, no .git, a ref that moves. We ask for a checkout."""
    fault = (
        load(
            SPEC.format(address),
            profile=None,
            registry=None,
            platform="linux/amd64",
            exists=lambda _path: False,
        )
        .images["a"]
        .fault
    )
    assert fault is not None
    assert str(fault).startswith("images.toml:5")


def test_row_29_the_git_folder_of_a_local_context_is_content(tmp_path: Path) -> None:
    """A local context is sent with .git unless it is ignored: a bare `git fetch` is a change."""
    (tmp_path / ".git/refs").mkdir(parents=True)
    (tmp_path / "a").write_text("a\n")
    before = Sources(Tree(str(tmp_path))).everything()
    (tmp_path / ".git/refs/main").write_text("0123\n")
    after = Sources(Tree(str(tmp_path))).everything()
    assert [each.path for each in after if each not in before] == [".git/refs/main"]
