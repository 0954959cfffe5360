"""What BuildKit has sent of a context: a pattern below a folder that nothing else brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes import ContextError, DockerfileError, Manifest, Request, layers, parse
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.dockerfile.frontend import NEWEST, Frontend
from tests.unit.memory import unpinned


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A file, and a folder with one."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.ini").write_text("a")
    (tmp_path / "p").write_text("p")
    return tmp_path


def built(context: Path, *lines: str, frontend: Frontend = NEWEST) -> None:
    """Compute the keys of a Dockerfile."""
    manifest(context, *lines, frontend=frontend)


def manifest(context: Path, *lines: str, frontend: Frontend = NEWEST) -> Manifest:
    """The manifest of its last stage."""
    text = "\n".join(("FROM base AS first", *lines)) + "\n"
    request = Request(parse(text.encode(), "Dockerfile", frontend=frontend))
    found = layers(request, Sources(Tree(str(context))), unpinned)
    return list(found.values())[-1].manifest


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


def test_a_link_may_bring_the_folder(context: Path) -> None:
    """BuildKit has sent what a link leads to, even one that the ignore file leaves out."""
    (context / "way").symlink_to("conf")
    built(context, "COPY way /y/", "COPY conf/*.json /x/")
    (context / "conf" / "self").symlink_to("../conf")
    built(context, "COPY conf/*.json /x/")


@pytest.mark.parametrize(
    "line", ["COPY !b /x", "COPY ./!b p /x/", "RUN --mount=source=!b,target=/m t"]
)
def test_a_source_that_reads_as_a_negation_is_refused(context: Path, line: str) -> None:
    """BuildKit: "/!b: not found", unless something else brings it (docker 26.1.5, tried)."""
    (context / "!b").write_text("b")
    with pytest.raises(ContextError, match="negation"):
        built(context, line)
    built(context, line, "COPY . /all/")
    built(context, line, "COPY ?b /all/")


def test_a_name_with_an_exclamation_mark_further_down_is_fine(context: Path) -> None:
    """Only the first sign of a path from the context's root is taken for a negation."""
    (context / "conf" / "!b").write_text("b")
    built(context, "COPY conf/!b /x")


def test_a_stage_that_is_not_needed_brings_nothing(context: Path) -> None:
    """Only needed stages are asked what they read."""
    with pytest.raises(ContextError, match="misses 'conf'"):
        built(context, "COPY conf /c/", "FROM base", "COPY conf/*.json /x/")


@pytest.mark.parametrize("path", ["conf/x.git", "/conf/x.git", "conf//x.git"])
def test_a_path_that_reads_as_a_git_repository_was_one(context: Path, path: str) -> None:
    """To BuildKit before 0.14: COPY refused, ADD fetched https://conf/x.git; now it is a path.

    Tried on docker 26.1.5 and 28.5.2. The key of ADD covers both.
    """
    (context / "conf" / "x.git").write_text("x")
    old = Frontend((1, 7))
    with pytest.raises(DockerfileError, match="git repository"):
        built(context, f"COPY {path} /x", frontend=old)
    built(context, f"COPY {path} /x")
    manifests = [
        manifest(context, f"ADD {path} /x", frontend=frontend) for frontend in (old, NEWEST)
    ]
    assert manifests[0].unpinned == ("base", path)
    assert "conf/x.git" in {entry.name for entry in manifests[0].entries if entry.kind == "file"}
    assert manifests[0] == manifests[1]


def test_what_an_old_frontend_fetches_need_not_be_here(context: Path) -> None:
    """A newer one looks for a file of that name."""
    old = Frontend((1, 7))
    assert manifest(context, "ADD conf/y.git /x", frontend=old).unpinned == ("base", "conf/y.git")
    with pytest.raises(ContextError, match="not in the build context"):
        built(context, "ADD conf/y.git /x")


def test_a_path_with_a_dot_in_front_is_a_path(context: Path) -> None:
    """So is one without a folder, in other letters, or with something behind it."""
    (context / "conf" / "x.git").mkdir()
    (context / "conf" / "x.git" / "a").write_text("x")
    (context / "conf" / "Y.GIT").write_text("x")
    (context / ".git").mkdir()
    built(context, "COPY ./conf/x.git /x", "COPY conf/x.git/a /x", "COPY .git conf/Y.GIT /y/")
