"""Trees: laws of what counts, over random contexts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hashes.context.ignore import Ignore
from hashes.context.input import Input, frame, ordered, walk_order
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.errors import ContextError

names = st.sampled_from(["a", "b", "c.txt", "d.log", ".h", "ü"])
contents = st.one_of(
    st.tuples(
        st.just("file"), st.sampled_from(["", "x", "y"]), st.sampled_from([0o644, 0o755, 0o600])
    ),
    st.tuples(st.just("link"), st.sampled_from(["a", "../b", "/c.txt", "nope"]), st.just(0o777)),
    st.tuples(st.just("dir"), st.just(""), st.sampled_from([0o755, 0o775, 0o700])),
)
worlds = st.dictionaries(
    st.lists(names, min_size=1, max_size=3).map("/".join), contents, min_size=1, max_size=8
)
ignores = st.lists(
    st.sampled_from(["*.log", "a", "b/*", "!b/a", "**/a", "!**/c.txt", "*", "c*", "**/.h"]),
    max_size=4,
).map(lambda lines: "\n".join(lines).encode())


@contextmanager
def context(world: Any) -> Iterator[Path]:
    """Make a context on disk; entries below a file or link are left out."""
    root = Path(tempfile.mkdtemp())
    try:
        for path, (kind, text, mode) in sorted(world.items()):
            place = root / path
            parents = [root / each for each in list(Path(path).parents)[:-1]]
            if any(each.is_symlink() or each.is_file() for each in parents) or os.path.lexists(
                place
            ):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if kind == "file":
                place.write_text(text)
            elif kind == "link":
                place.symlink_to(text)
            else:
                place.mkdir()
            if kind != "link":
                place.chmod(mode)
        yield root
    finally:
        for folder, _, _ in os.walk(root):
            Path(folder).chmod(0o700)
        shutil.rmtree(root)


def scan(root: Path, ignore: bytes = b"") -> tuple[Input, ...]:
    return Sources(Tree(str(root), Ignore.parse(ignore, "x"))).everything()


def without_modes(inputs: tuple[Input, ...]) -> tuple[Input, ...]:
    """Be the broken twin: forget modes."""
    return tuple(item._replace(mode=0) for item in inputs)


relaxed = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def touch_every_time(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        os.utime(path, ns=(1, 1), follow_symlinks=False)


@relaxed
@given(worlds, ignores)
def test_times_never_matter(world: Any, ignore: bytes) -> None:
    """TRAPS 8: touching every file, link and folder leaves the inputs as they were."""
    with context(world) as root:
        before = scan(root, ignore)
        touch_every_time(root)
        assert scan(root, ignore) == before


@relaxed
@given(worlds, ignores, st.data())
def test_an_ignored_path_never_matters(world: Any, ignore: bytes, data: Any) -> None:
    """Bytes, mode and existence of a file that is left out count for nothing."""
    with context(world) as root:
        rules = Ignore.parse(ignore, "x")
        before = scan(root, ignore)
        kept = {item.path for item in before}
        out = [
            path
            for path in sorted(root.rglob("*"))
            if path.is_file() and not path.is_symlink() and str(path.relative_to(root)) not in kept
        ]
        for path in out:
            assert rules.matches(str(path.relative_to(root)))
        if out:
            victim = data.draw(st.sampled_from(out))
            victim.write_text("entirely different")
            victim.chmod(0o777)
            assert scan(root, ignore) == before
            victim.unlink()
            assert scan(root, ignore) == before


def change(root: Path, item: Input, how: str) -> bool:
    """Change what counts of one input; False when this kind has nothing of the sort."""
    path = root / item.path
    if how == "bytes" and item.kind == "file":
        path.write_bytes(path.read_bytes() + b"+")
    elif how == "mode" and item.kind in ("file", "dir"):
        path.chmod(item.mode ^ 0o020)
    elif how == "text" and item.kind == "link":
        path.unlink()
        path.symlink_to(item.value + "+")
    else:
        return False
    return True


def law_that_changes_matter(world: Any, ignore: bytes, how: str, pick: int, twin: Any) -> None:
    with context(world) as root:
        before = scan(root, ignore)
        if before and change(root, before[pick % len(before)], how):
            assert twin(scan(root, ignore)) != twin(before)


@relaxed
@given(worlds, ignores, st.sampled_from(["bytes", "mode", "text"]), st.integers(0, 7))
def test_bytes_modes_and_link_texts_always_matter(
    world: Any, ignore: bytes, how: str, pick: int
) -> None:
    """A change of anything that counts, of any path that is used, changes the inputs."""
    law_that_changes_matter(world, ignore, how, pick, lambda inputs: inputs)


def test_a_twin_that_ignores_modes_breaks_the_law() -> None:
    """EXAMPLES 32: the law above can fail."""
    world = {"a": ("file", "x", 0o644)}
    with pytest.raises(AssertionError):
        law_that_changes_matter(world, b"", "mode", 0, without_modes)


@relaxed
@given(worlds, ignores)
def test_a_fresh_tree_gives_the_same_inputs(world: Any, ignore: bytes) -> None:
    """TRAPS 32: so a second scan after a build tells whether anything moved."""
    with context(world) as root:
        assert scan(root, ignore) == scan(root, ignore)


@relaxed
@given(worlds, ignores)
def test_a_path_is_there_exactly_when_the_matcher_keeps_it_or_something_below(
    world: Any, ignore: bytes
) -> None:
    """The pruned walk sees what a walk over everything would keep."""
    with context(world) as root:
        rules = Ignore.parse(ignore, "x")
        every = {str(path.relative_to(root)) for path in root.rglob("*")}
        kept = {path for path in every if not rules.matches(path)}
        kept |= {str(parent) for path in kept for parent in list(Path(path).parents)[:-1]}
        assert {item.path for item in scan(root, ignore)} == kept


@relaxed
@given(worlds, st.sampled_from(["a", "b", "c.txt", "a/b"]))
def test_a_source_is_its_part_of_the_whole(world: Any, source: str) -> None:
    """What `COPY dir` reads is what `COPY .` reads of it."""
    with context(world) as root:
        sources = Sources(Tree(str(root)))
        whole = {item.path: item for item in sources.everything()}
        if source not in whole or whole[source].kind == "link":
            return
        part = [
            item for path, item in whole.items() if path == source or path.startswith(source + "/")
        ]
        try:
            assert list(sources.copy(source)) == part
        except ContextError:
            assert any((root / parent).is_symlink() for parent in Path(source).parents)


short = st.text(max_size=3)
rows = st.lists(st.tuples(short, short, st.integers(0, 0o7777), short), max_size=3)


@given(rows, rows)
def test_no_two_lists_of_inputs_frame_alike(one: Any, two: Any) -> None:
    """TRAPS 30: every field stands behind its length."""
    first, second = [Input(*row) for row in one], [Input(*row) for row in two]
    assert (frame(first) == frame(second)) == (first == second)


def test_inputs_are_sorted_by_raw_bytes() -> None:
    """TRAPS 35: neither by locale nor by code points of surrogates."""
    paths = ["a/b", "a.b", "Z", "\U0001f600", "\udcff", "é"]
    found = [item.path for item in ordered(Input(path, "file", 0, "") for path in paths)]
    assert found == sorted(paths, key=lambda path: path.encode("utf-8", "surrogateescape"))


@given(st.lists(st.lists(st.text("ab./!\x01\udcff", min_size=1), min_size=1).map("/".join)))
def test_the_order_of_a_walk_is_that_of_the_parts_of_paths(paths: list[str]) -> None:
    """A folder comes before what is in it, and that before what has a longer name."""

    def parts(path: str) -> list[bytes]:
        return path.encode("utf-8", "surrogateescape").split(b"/")

    assert list(map(parts, sorted(paths, key=walk_order))) == sorted(map(parts, paths))


# --- pinned files ---

PIN = {"models/smpl/basic.pkl": "sha256:abc"}


def test_a_pinned_file_that_is_absent_counts_as_present(tmp_path: Path) -> None:
    """A machine without the model computes the same inputs, its folders' included."""
    with_model, without = tmp_path / "with", tmp_path / "without"
    for root in (with_model, without):
        root.mkdir()
        (root / "app.py").write_text("")
    place = with_model / "models" / "smpl"
    place.mkdir(parents=True)
    (place / "basic.pkl").write_bytes(b"large")
    for path in (place, place.parent):
        path.chmod(0o755)
    (place / "basic.pkl").chmod(0o644)
    one = Sources(Tree(str(with_model), pinned=PIN))
    two = Sources(Tree(str(without), pinned=PIN))
    for source in (".", "models", "models/smpl/basic.pkl", "models/*/*.pkl", "m*"):
        assert one.copy(source) == two.copy(source)
    assert one.copy("models/smpl/basic.pkl")[0].value == "sha256:abc"


def test_a_pinned_file_is_not_read(tmp_path: Path) -> None:
    """13 GB of weights cost nothing."""
    (tmp_path / "w").mkdir()
    os.mkfifo(tmp_path / "w" / "pipe")
    (tmp_path / "w" / "big").write_text("x")
    before = Sources(Tree(str(tmp_path), pinned={"w/big": "sha256:1"})).everything()
    (tmp_path / "w" / "big").write_text("y")
    assert Sources(Tree(str(tmp_path), pinned={"w/big": "sha256:1"})).everything() == before
    assert Sources(Tree(str(tmp_path), pinned={"w/big": "sha256:2"})).everything() != before


def test_a_pinned_file_obeys_the_ignore_file(tmp_path: Path) -> None:
    """BuildKit would not have it, so neither do we."""
    tree = Tree(str(tmp_path), Ignore.parse(b"*.pkl\nmodels/smpl/*.pkl\n", "i"), pinned=PIN)
    with pytest.raises(ContextError):
        Sources(tree).copy("models/smpl/basic.pkl")
    tree = Tree(str(tmp_path), Ignore.parse(b"models\n!models/smpl/*.pkl\n", "i"), pinned=PIN)
    assert [item.kind for item in Sources(tree).everything()] == ["dir", "dir", "file"]


# --- laziness ---


def test_folders_that_no_source_needs_are_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what a COPY asks for is looked at, and once."""
    for name in ("src/x", "huge/y", "node_modules/z"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    listed = []
    original = Tree._list

    def spy(self: Any, path: str, scope: Any, **options: Any) -> Any:
        listed.append(path)
        return original(self, path, scope, **options)

    monkeypatch.setattr(Tree, "_list", spy)
    sources = Sources(Tree(str(tmp_path), Ignore.parse(b"node_modules\n", "x")))
    sources.copy("src/x")
    sources.copy("src")
    assert sorted(listed) == ["", "src"]
    sources.everything()
    assert sorted(listed) == ["", "huge", "src"]


def test_a_context_that_is_no_folder_is_empty(tmp_path: Path) -> None:
    """The caller's check names it; no traceback here."""
    assert Sources(Tree(str(tmp_path / "nope"))).everything() == ()
