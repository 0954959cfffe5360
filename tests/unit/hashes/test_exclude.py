"""``--exclude`` and ``--parents``: which files count, against what BuildKit exported."""

from __future__ import annotations

import json
import posixpath
from pathlib import Path
from typing import Any

import pytest

from hashes import ContextError, DockerfileError, Entry, Request, layers, parse
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.dockerfile.frontend import NEWEST, Frontend
from tests.unit.memory import unpinned

DATA = json.loads((Path(__file__).parents[2] / "data" / "excludecases.json").read_text())
KINDS = {"file", "dir", "link"}


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The recorded context."""
    for path, what in DATA["tree"].items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            place.write_text(what)
        elif "link" in what:
            place.symlink_to(what["link"])
        else:
            place.mkdir()
    return tmp_path


def entries(context: Path, line: str, frontend: Frontend = NEWEST) -> list[Entry]:
    """What counts of the context for one line."""
    file = parse(f"FROM scratch\n{line}\n".encode(), "Dockerfile", frontend=frontend)
    found = layers(Request(file), Sources(Tree(str(context))), unpinned)
    return [entry for entry in found[0].manifest.entries if entry.kind in {*KINDS, "absent"}]


def exported(source: str, entry: Entry) -> str:
    """Where BuildKit puts an input of a source without wildcards, below the destination."""
    path = entry.name
    base = posixpath.normpath(source)
    if base == ".":
        return f"o/{path}"
    if path == base:
        return "o/" if entry.kind == "dir" else f"o/{posixpath.basename(path)}"
    return f"o/{path.removeprefix(base + '/')}"


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda case: case["line"])
def test_what_is_left_out_is_what_buildkit_leaves_out(case: Any, context: Path) -> None:
    """Not a file less, or a change would go unseen; not a file more for a plain source."""
    if "error" in case:
        with pytest.raises((ContextError, DockerfileError), match=r"syntax error|at least"):
            entries(context, case["line"])
        return
    found = entries(context, case["line"])
    sources = [word for word in case["line"].split()[1:-1] if not word.startswith("--")]
    wanted = {name.rstrip("/") for name in case["files"]}
    if len(sources) == 1 and not any(sign in sources[0] for sign in "*?["):
        ours = {exported(sources[0], entry).rstrip("/") for entry in found} - {"o"}
        assert ours == wanted
        return
    names = {posixpath.basename(entry.name) for entry in found}
    assert {posixpath.basename(name) for name in wanted} <= names


@pytest.mark.parametrize(
    ("line", "files"),
    [
        ("COPY --parents d/a.txt /o/", ["d/a.txt"]),
        ("COPY --parents d/e/*.txt a.log /o/", ["a.log", "d/e/c.txt"]),
        ("COPY --parents **/*.log /o/", ["a.log", "d/b.log", "d/e/c.log"]),
        ("COPY --parents d/**/y.txt /o/", ["d/e/x/y.txt"]),
        ("COPY --parents d/./**/*.txt /o/", ["d/a.txt", "d/e/c.txt", "d/e/x/y.txt"]),
        ("COPY --parents d/./e /o/", ["d/e/c.log", "d/e/c.txt", "d/e/x/y.txt"]),
        ("COPY --parents --exclude=d/e/*.log d/e /o/", ["d/e/c.txt", "d/e/x/y.txt"]),
        ("COPY --parents --exclude=*.log d/e /o/", ["d/e/c.log", "d/e/c.txt", "d/e/x/y.txt"]),
        ("COPY --parents --exclude=*.log d/e/./. /o/", ["d/e/c.txt", "d/e/x/y.txt"]),
        ("COPY --parents --exclude=e/*.log d/./e /o/", ["d/e/c.txt", "d/e/x/y.txt"]),
        ("COPY --parents --exclude=**/*.log d/e /o/", ["d/e/c.txt", "d/e/x/y.txt"]),
    ],
)
def test_parents_patterns_and_pivot(line: str, files: list[str], context: Path) -> None:
    """``**`` matches at any depth, ``/./`` is where patterns start; so do those of ``--exclude``.

    By BuildKit's sources (convert_copy.go, contenthash): no frontend here has it without labs.
    """
    found = entries(context, line)
    assert sorted(entry.name for entry in found if entry.kind == "file") == files


def test_a_missing_source_of_parents_is_missing_to_newer_frontends(context: Path) -> None:
    """Before 1.20, where only labs had it, nothing was copied and nothing said."""
    line = "COPY --parents d/none.txt /o/"
    with pytest.raises(ContextError, match="not in the build context"):
        entries(context, line)
    assert [entry.kind for entry in entries(context, line, Frontend((1, 19), labs=True))] == [
        "absent"
    ]
    assert entries(context, "COPY --parents d/none*.txt /o/")[0].kind == "absent"
