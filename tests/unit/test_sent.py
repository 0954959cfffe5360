"""What BuildKit has sent of a context: a pattern below a folder that nothing else brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes import ContextError, Request, layers, parse
from hashes.sources import Sources
from hashes.tree import Tree
from tests.unit.memory import unpinned


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A file, and a folder with one."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.ini").write_text("a")
    (tmp_path / "p").write_text("p")
    return tmp_path


def built(context: Path, *lines: str) -> None:
    """Compute the keys of a Dockerfile."""
    text = "\n".join(("FROM base AS first", *lines)) + "\n"
    layers(Request(parse(text.encode(), "Dockerfile")), Sources(Tree(str(context))), unpinned)


@pytest.mark.parametrize("word", ["COPY", "ADD"])
def test_a_pattern_without_a_match_below_a_folder_is_refused(context: Path, word: str) -> None:
    """BuildKit: lstat …/conf: no such file or directory (docker 26.1.5, tried)."""
    with pytest.raises(ContextError, match="matches nothing") as caught:
        built(context, "COPY p /p", f"{word} p conf/*.json /x/")
    assert (caught.value.file, caught.value.line) == ("Dockerfile", 3)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("COPY conf/*.ini /x/",), id="it-matches"),
        pytest.param(("COPY *.json /x/",), id="no-folder-before-it"),
        pytest.param(("COPY c*/*.json /x/",), id="the-folder-is-a-pattern"),
        pytest.param(("COPY conf/a.ini /y/", "COPY conf/*.json /x/"), id="a-file-of-it"),
        pytest.param(("COPY . /y/", "COPY conf/*.json /x/"), id="the-whole-context"),
        pytest.param(("COPY conf/*.json /x/", "RUN --mount=target=/m true"), id="a-mount-later"),
        pytest.param(
            ("COPY conf /c/", "FROM first", "COPY conf/*.json /x/"), id="another-needed-stage"
        ),
    ],
)
def test_it_is_fine_when_something_brings_the_folder(context: Path, lines: tuple[str, ...]) -> None:
    """Any source of a needed stage brings what it matches, for all of them."""
    built(context, *lines)


def test_a_stage_that_is_not_needed_brings_nothing(context: Path) -> None:
    """Only needed stages are asked what they read."""
    with pytest.raises(ContextError, match="misses 'conf'"):
        built(context, "COPY conf /c/", "FROM base", "COPY conf/*.json /x/")
