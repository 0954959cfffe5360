"""The rows of a transfer are what is on disk, at the very paths that BuildKit is told of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hashes.context.statcache import StatCache
from hashes.manifest import Entry
from layers.build.context.files import Files

OLD = 1_500_000_000_000_000_000


def look(root: Path, *entries: tuple[str, str], **named: Path) -> Files:
    """One look at some entries."""
    roots = {"": str(root), **{name: str(path) for name, path in named.items()}}
    files = Files(roots, StatCache(None, str(root)))
    files.look([Entry(kind, name, "") for kind, name in entries])
    return files


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file below two directories, and links to all of them."""
    root = tmp_path / "context"
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "e" / "f").write_text("one")
    os.utime(root / "d" / "e" / "f", ns=(OLD, OLD))
    (root / "ln").symlink_to("d/e")
    (root / "abs").symlink_to("/ln/f")
    (root / "round").symlink_to("round")
    (root / "out").symlink_to("../../d")
    return root


@pytest.mark.parametrize(
    ("kind", "name", "paths"),
    [
        ("file", "d/e/f", ["d", "d/e", "d/e/f"]),
        ("file", "ln/f", ["d", "d/e", "d/e/f", "ln"]),
        ("file", "abs", ["abs", "d", "d/e", "d/e/f", "ln"]),
        ("link", "abs", ["abs"]),
        ("file", "out/e/f", ["d", "d/e", "d/e/f", "out"]),
        ("dir", "ln", ["d", "d/e", "ln"]),
        ("file", "round", ["round"]),
        ("file", "round/x", ["round"]),
        ("file", "gone", []),
        ("file", "d/gone", ["d"]),
        ("run", "d", []),
    ],
)
def test_every_link_and_directory_on_the_way_is_recorded(
    tree: Path, kind: str, name: str, paths: list[str]
) -> None:
    """They are sent too, and another Dockerfile may copy them; links stay in the context."""
    assert sorted(path for _, path in look(tree, (kind, name)).rows) == paths


def test_a_named_context_has_rows_of_its_own(tree: Path, tmp_path: Path) -> None:
    """Its paths are compared with its own earlier ones."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "g").write_text("two")
    files = look(tree, ("file", "d/e/f"), ("file", "g"), nc=other)
    assert {key for key, row in files.rows.items() if row.kind == "file"} == {
        ("", "d/e/f"),
        ("nc", "g"),
    }


def test_a_row_changes_with_the_bytes_though_size_and_mtime_stay(tree: Path) -> None:
    """The content's identity comes from its bytes."""
    path = tree / "d" / "e" / "f"
    before = look(tree, ("file", "d/e/f")).rows["", "d/e/f"]
    path.write_text("two")
    os.utime(path, ns=(OLD, OLD))
    after = look(tree, ("file", "d/e/f")).rows["", "d/e/f"]
    assert before.evidence == after.evidence
    assert before.value != after.value


@pytest.mark.parametrize("change", ["rewrite", "chmod", "chmod folder", "remove", "replace"])
def test_whatever_is_written_meanwhile_is_noticed(tree: Path, change: str) -> None:
    """Even where size and mtime are put back: the kernel keeps the ctime."""
    path = tree / "d" / "e" / "f"
    files = look(tree, ("file", "d/e/f"))
    assert files.unmoved()
    if change == "rewrite":
        path.write_text("two")
        os.utime(path, ns=(OLD, OLD))
    elif change == "chmod":
        path.chmod(0o600)
    elif change == "chmod folder":
        (tree / "d").chmod(0o700)
    elif change == "remove":
        path.unlink()
    else:
        path.unlink()
        path.symlink_to("x")
    assert not files.unmoved()


def test_a_new_file_beside_the_others_is_no_move(tree: Path) -> None:
    """Editors and tools leave their own files in a context; the key says whether they count."""
    files = look(tree, ("file", "d/e/f"))
    (tree / "d" / "e" / "g").write_text("new")
    assert files.unmoved()


def test_the_selection_tells_sources_ignores_and_links(tree: Path) -> None:
    """And neither RUN lines nor the bytes of files."""
    files = look(tree, ("file", "d/e/f"), ("file", "abs"))
    ignore = str(tree / ".dockerignore")
    entries = [Entry("source", "d", ""), Entry("run", "RUN", "x"), Entry("file", "d/e/f", "1 a")]
    first = files.selection(entries, [ignore])
    same = [Entry("file", "d/e/f", "1 b"), Entry("source", "d", ""), Entry("run", "RUN", "y")]
    assert files.selection(same, [ignore]) == first
    others = [
        files.selection([*entries, Entry("source", "d2", "")], [ignore]),
        look(tree, ("file", "d/e/f")).selection(entries, [ignore]),
    ]
    (tree / ".dockerignore").write_text("*.log\n")
    others.append(files.selection(entries, [ignore]))
    assert first not in others
    assert len(set(others)) == 3
