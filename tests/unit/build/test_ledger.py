"""A name is kept only while BuildKit's copy under it cannot hold anything but what is there."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from layers.build.context.ledger import FEW_ROWS, Ledger, Row

Rows = list[Row]


class Node(NamedTuple):
    """One path on disk."""

    kind: str
    mtime: int
    mode: int
    data: str
    xattr: str

    def row(self, path: str) -> Row:
        """As it is written down."""
        size = 1 if self.kind == "file" else 0
        if self.kind == "dir":
            return Row("", path, "dir", 0, 0, self.mode, self.xattr)
        mode = 0 if self.kind == "link" else self.mode
        return Row("", path, self.kind, size, self.mtime, mode, self.data + self.xattr)


class Step(NamedTuple):
    """One build: the tree, what is copied of it, and which of its copies BuildKit takes."""

    tree: dict[str, Node]
    narrow: bool
    """Copies only "a", though "b" is sent along (as ``COPY **/a`` may, for one)."""
    copy: int

    @property
    def keyed(self) -> dict[str, Node]:
        """What the key covers."""
        return {k: v for k, v in self.tree.items() if k == "a"} if self.narrow else self.tree

    @property
    def sent(self) -> dict[str, Node]:
        """What BuildKit is offered."""
        return {k: v for k, v in self.tree.items() if k != "d"} if self.narrow else self.tree

    def rows(self) -> Rows:
        """What is written down."""
        return [node.row(path) for path, node in self.keyed.items()]


class Copy:
    """BuildKit's remembered copy of a context (fsutil, diff_containerd.go and diskwriter.go)."""

    def __init__(self) -> None:
        self.held: dict[str, Node] = {}
        self.seen: dict[str, Node] = {}
        """What the cache of steps is looked up by."""

    def send(self, tree: dict[str, Node]) -> None:
        """Its rule, and no more than that."""
        for path in set(self.held) - set(tree):
            del self.held[path], self.seen[path]
        for path, new in tree.items():
            old = self.held.get(path)
            if old is not None and old.kind == new.kind == "dir":
                self.held[path] = old._replace(mode=new.mode)  # and `seen` is not told
            elif old is None or evidence(old) != evidence(new):
                self.held[path] = self.seen[path] = new


def evidence(node: Node) -> tuple[object, ...]:
    """What is compared of a file or a link; sizes are all the same here."""
    return node.kind, node.mtime, node.mode, node.data if node.kind == "link" else ""


nodes = st.builds(
    Node,
    kind=st.sampled_from(["file", "link", "dir"]),
    mtime=st.integers(1, 2),
    mode=st.sampled_from([0o644, 0o755]),
    data=st.sampled_from("xy"),
    xattr=st.sampled_from(["", "+1"]),
)
steps = st.lists(
    st.builds(
        Step,
        tree=st.dictionaries(st.sampled_from("abd"), nodes),
        narrow=st.booleans(),
        copy=st.integers(0, 1),
    ),
    max_size=6,
)


def stale(series: list[Step], memory: type[Ledger]) -> bool:
    """Whether any build of a series takes something that is not there any more."""
    ledger, copies = memory(), [Copy(), Copy()]
    for step in series:
        selection = str(step.narrow)
        if ledger.doubt(selection, step.rows()):
            ledger, copies = memory(), [Copy(), Copy()]
        ledger.add(selection, step.rows())
        copy = copies[step.copy]
        copy.send(step.sent)
        for path, node in step.keyed.items():
            if content(copy.seen[path]) != content(node):
                return True
    return False


def content(node: Node) -> Row:
    """All of a node but its mtime."""
    return node._replace(mtime=0).row("")


@given(steps)
@settings(max_examples=400, deadline=None)
def test_no_series_of_trees_leaves_anything_old_in_a_build(series: list[Step]) -> None:
    """The law: whichever of its copies BuildKit takes, every keyed path is what is on disk."""
    assert not stale(series, Ledger)


class TrustsSizeAndMtime(Ledger):
    """BuildKit's own belief."""

    def doubt(self, selection: str, rows: object) -> str:
        return ""


class RemembersTheLastTree(Ledger):
    """Forgets that BuildKit may have an older copy, too."""

    def add(self, selection: str, rows: object) -> Rows:
        self.rows = set()
        return super().add(selection, rows)  # type: ignore[arg-type]


class IgnoresSelections(Ledger):
    """Takes a path that was never read for one that was never sent."""

    def doubt(self, selection: str, rows: object) -> str:
        self.selections = {selection}
        return super().doubt(selection, rows)  # type: ignore[arg-type]


QUICK = settings(max_examples=20_000, phases=[Phase.generate], database=None, deadline=None)


@pytest.mark.parametrize("memory", [TrustsSizeAndMtime, RemembersTheLastTree, IgnoresSelections])
def test_a_memory_that_believes_too_much_is_caught(memory: type[Ledger]) -> None:
    """Broken twins: the model has a series of trees for each that it fails."""
    try:
        find(steps, lambda series: stale(series, memory), settings=QUICK)
    except NoSuchExample:  # pragma: no cover - the failure itself
        pytest.fail(f"{memory.__name__} was believed")


FILE = Row("", "a", "file", 3, 10, 0o644, "x:3")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (FILE, ""),
        (FILE._replace(mtime=11, value="y:3"), ""),
        (FILE._replace(size=4, value="y:4"), ""),
        (FILE._replace(mode=0o755), ""),
        (FILE._replace(value="y:3"), "not its size and mtime"),
        (FILE._replace(value="x:3+1"), "not its size and mtime"),
        (FILE._replace(kind="link", size=0, mode=0, value="b"), "was a file and is a link"),
        (FILE._replace(path="b"), ""),
        (FILE._replace(context="other", value="y:3"), ""),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_equal_evidence_for_other_content_is_doubted(row: Row, says: str) -> None:
    """An ordinary edit, a new file and another context's file are not."""
    ledger = Ledger()
    ledger.add("s", [FILE])
    found = ledger.doubt("s", [row])
    assert (says in found) if says else found == ""


def test_a_directory_s_mode_is_doubted() -> None:
    """moby/buildkit#7176."""
    ledger = Ledger()
    folder = Row("", "d", "dir", 0, 0, 0o755, "")
    ledger.add("s", [folder])
    assert ledger.doubt("s", [folder]) == ""
    assert "mode" in ledger.doubt("s", [folder._replace(mode=0o700)])


def test_a_path_that_new_sources_read_first_is_doubted() -> None:
    """It may have been sent before, without being read."""
    ledger = Ledger()
    ledger.add("s", [FILE])
    assert "first time" in ledger.doubt("t", [FILE, FILE._replace(path="b")])
    assert ledger.doubt("t", [FILE]) == ""


def test_a_memory_does_not_grow_for_ever() -> None:
    """An edit a day is kept for years; then everything is sent once."""
    ledger = Ledger()
    many = [FILE._replace(mtime=number) for number in range(FEW_ROWS + 5)]
    assert ledger.add("s", many) == many
    assert ledger.add("s", many) == []
    assert ledger.doubt("s", [FILE])
