"""Ignore files, against what BuildKit was seen to do and against a slow obvious matcher."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.context.gopath import BadPattern, clean, has_wildcard, inside
from hashes.context.gopatterns import Pattern
from hashes.context.goregex import python_of
from hashes.context.ignore import Ignore, ignore_file, read_ignore
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.errors import ContextError, IgnoreError

CASES = json.loads((Path(__file__).parents[2] / "data" / "ignorecases.json").read_text())["cases"]
PATHS = next(case["paths"] for case in CASES if "paths" in case)


def build_tree(root: Path) -> None:
    """Make the tree that the recorded cases were tried on."""
    links = {"ln": "foo", "lnfile": "a", "dangle": "nope"}
    for path in sorted(PATHS):
        place = root / path
        if path.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        elif path in links:
            place.symlink_to(links[path])
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(path)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("recorded")
    build_tree(root)
    return root


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["ignore"])[:60])
def test_a_recorded_ignore_file_leaves_out_what_buildkit_left_out(
    case: dict[str, Any], recorded: Path
) -> None:
    """TRAPS 2: `COPY . /` under each recorded ignore file has exactly the recorded paths."""
    text = case["ignore"].encode()
    if "error" in case:
        with pytest.raises(IgnoreError) as caught:
            Sources(Tree(str(recorded), Ignore.parse(text, ".dockerignore"))).everything()
        assert str(caught.value).startswith(f".dockerignore:{caught.value.line}: ")
        assert text.split(b"\n")[(caught.value.line or 0) - 1].strip()
        return
    inputs = Sources(Tree(str(recorded), Ignore.parse(text, ".dockerignore"))).everything()
    found = {item.path + "/" * (item.kind == "dir") for item in inputs}
    assert found == {path for path, there in case["paths"].items() if there}


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["ignore"])[:60])
def test_the_reason_agrees_with_the_answer(case: dict[str, Any]) -> None:
    """`excluded_by` gives a line exactly where `matches` is true, and a line that is there."""
    if "error" in case:
        return
    ignore = Ignore.parse(case["ignore"].encode(), "x")
    lines = case["ignore"].split("\n")
    for path in (each.rstrip("/") for each in PATHS):
        line = ignore.excluded_by(path)
        assert (line is not None) == ignore.matches(path)
        assert line is None or lines[line - 1].strip()


# Seen on docker 26.1.5 in the tree a.txt, d/f, d/x
@pytest.mark.parametrize(
    ("text", "left_out"),
    [
        (b"d*\n!d/x\nd\n", {"d/f"}),  # 'd' is not tried on 'd', which 'd*' has
        (b"d/x\n!d\n", {"d/x"}),  # nor '!d', which has nothing to take back
        (b"![z-a]\n", set()),  # a bad class that no path comes to
        (b"*\n[z-a]\n", {"a.txt", "d", "d/f", "d/x"}),
        ("a\x01b\nü\n".encode(), set()),  # one that is not ASCII: all are escaped on the wire
        (b"[[:alpha:]].txt\n", {"a.txt"}),
        (b"\\p{Ll}.txt\n", {"a.txt"}),  # RE2 knows categories
        (b"*.TXT\n", set()),
        (b"d/\\x66*\n", {"d/f"}),
        (b"\\Qa.t*\n", set()),
    ],
)
def test_odd_patterns_match_what_the_engine_matches(
    tmp_path: Path, text: Any, left_out: set[str]
) -> None:
    """Quirks beyond the recorded table."""
    (tmp_path / "d").mkdir()
    for name in ("a.txt", "d/f", "d/x"):
        (tmp_path / name).write_text("")
    inputs = Sources(Tree(str(tmp_path), Ignore.parse(text, "x"))).everything()
    assert {item.path for item in inputs} == {"a.txt", "d", "d/f", "d/x"} - left_out


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"ok\n[\n", 2),
        (b"#\n\n!\n", 3),
        (b"a\n" + b"b" * 65536, 2),
        (b"a\rb\n", 1),
        (b"x\na\x7fb\n", 2),
        (b"a\0b", 1),
    ],
)
def test_what_buildkit_refuses_is_refused_with_its_line(text: Any, line: int) -> None:
    """An ignore file that fails the build names file and line."""
    with pytest.raises(IgnoreError) as caught:
        Ignore.parse(text, "images/x/.dockerignore")
    assert (caught.value.file, caught.value.line) == ("images/x/.dockerignore", line)


def test_a_bad_pattern_that_nothing_reached_does_not_hide_what_is_missing(tmp_path: Path) -> None:
    """In an empty context no path comes as far as the pattern; the missing source is the error."""
    tree = Tree(str(tmp_path), Ignore.parse("\\ünï.txt\n".encode(), ".dockerignore"))
    with pytest.raises(ContextError, match="not in the build context"):
        Sources(tree).copy("ünï.txt")


def test_bytes_that_are_not_utf8_match_as_go_sees_them() -> None:
    """Patterns travel as JSON: a bad byte is U+FFFD there, and for a regexp in names, too."""
    assert not Ignore.parse(b"q\xff\n", "x").matches("q\udcff")
    assert Ignore.parse(b"*\xff\n", "x").matches("q\udcfe")


@pytest.mark.parametrize(
    "regex", [r"\1", r"\8", r"\y", r"\pQ", "a{2}{3}", "a{1001}", "a{3,2}", "{2}a", "|{2}", "[b-a]",
              "[[:no:]]", "[a", r"\C"]
)  # fmt: skip
def test_expressions_that_go_refuses_are_refused(regex: str) -> None:
    """Python's re would take some of them, with another meaning."""
    with pytest.raises(BadPattern):
        python_of(regex)


@pytest.mark.parametrize(
    ("regex", "yes", "no"),
    [
        ("^a{,2}$", "a{,2}", "aa"),  # Python 3 reads {0,2}
        ("^a{02}$", "a{02}", "aa"),
        (r"^\s$", " ", "\v"),  # Go's \s has no vertical tab
        (r"^\d$", "5", "٥"),  # nor its \d other scripts' digits
        (r"^\07$", "\a", "7"),
        (r"^\x{41}$", "A", "x"),
        (r"^[\d-]$", "-", "x"),
        (r"^[^\D]$", "1", "x"),
        (r"^\pL$", "ß", "1"),
        (r"^\P{L}$", "1", "ß"),
        ("^^{2}a$", "a", "aa"),
        ("^a$", "a", "a\n"),  # Python's $ stands before a last newline, too
        ("^[[]$", "[", "]"),
        (r"^\Qa*b\E$", "a*b", "aab"),
    ],
)
def test_expressions_mean_in_python_what_they_mean_in_go(regex: str, yes: str, no: str) -> None:
    """RE2's syntax where Python's differs."""
    assert re.search(python_of(regex), yes)
    assert not re.search(python_of(regex), no)


@pytest.mark.parametrize(
    ("path", "result"),
    [("", "."), ("a/../..", ".."), ("/..", "/"), ("//a/./b/", "/a/b"), ("../a/..", "..")],
)
def test_clean_is_gos_clean(path: str, result: str) -> None:
    """Rows of Go's own documentation."""
    assert clean(path) == result


@given(st.text(alphabet="a./", max_size=12))
def test_inside_never_leaves_the_root(path: str) -> None:
    """A source is clamped to the context, and clean paths stay as they are."""
    result = inside(path)
    assert not result.startswith("/")
    assert ".." not in result.split("/")
    assert inside(result) == result


@pytest.mark.parametrize(
    ("text", "answer"), [("a", False), ("a*", True), (r"a\*", False), (r"\\?", True), ("[", True)]
)
def test_a_wildcard_is_one_that_no_backslash_hides(text: Any, answer: bool) -> None:
    """As fsutil and contenthash decide it."""
    assert has_wildcard(text) is answer


# --- against an obvious matcher ---


def obvious(pattern: str, path: str) -> bool:
    """Match literals, ``*``, ``?`` and ``**`` by trying every way."""
    if pattern.endswith("**") and not set("*?") & set(pattern[:-2]):
        return path.startswith(pattern[:-2])
    if pattern.startswith("**") and not set("*?") & set(pattern[2:]):
        rest = pattern[2:]
        return path.endswith(rest) or (rest.startswith("/") and path == rest[1:])

    def tries(p: str, s: str) -> bool:
        if p.startswith("**"):
            rest = p[2:].removeprefix("/")
            if not rest:
                return True
            starts = [0] + [i + 1 for i, char in enumerate(s) if char == "/"]
            return any(tries(rest, s[i:]) for i in starts)
        if p.startswith("*"):
            reach = s.find("/") if "/" in s else len(s)
            return any(tries(p[1:], s[i:]) for i in range(reach + 1))
        if not p or not s:
            return p == s
        return (p[0] == s[0] or (p[0] == "?" and s[0] != "/")) and tries(p[1:], s[1:])

    return tries(pattern, path)


def obviously_ignored(patterns: list[str], path: str) -> bool:
    """Walk down to a path and carry each pattern's result along."""
    parents = [False] * len(patterns)
    answer = False
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        at = "/".join(parts[:depth])
        answer = False
        for i, pattern in enumerate(patterns):
            negative = pattern.startswith("!")
            if not parents[i] and negative == answer:
                parents[i] = obvious(clean(pattern.removeprefix("!")), at)
            if parents[i]:
                answer = not negative
    return answer


names = st.sampled_from(["a", "b", "ab", "a.b", ".a", "bb"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
pieces = st.sampled_from(
    ["a", "b", "ab", "*", "**", "a*", "*b", "?", "*.b", ".a", "**b", "a**", "a*b"]
)
lines = st.tuples(st.sampled_from(["", "", "!"]), st.lists(pieces, min_size=1, max_size=3)).map(
    lambda pair: pair[0] + "/".join(pair[1])
)


@given(st.lists(lines, max_size=5), st.lists(paths, min_size=1, max_size=8))
def test_the_quick_matcher_agrees_with_the_obvious_one(patterns: list[str], tried: Any) -> None:
    """Names, prefixes, suffixes, runs and scopes are only short cuts."""
    ignore = Ignore.parse("\n".join(patterns).encode(), "x")
    for path in tried:
        assert ignore.matches(path) == obviously_ignored(patterns, path)


@given(lines, paths)
def test_one_pattern_agrees_with_the_obvious_matcher(line: str, path: str) -> None:
    """The same for a single pattern's own match."""
    pattern = Pattern(line)
    assert pattern.match(path) == obvious(clean(line.removeprefix("!")), path)


@given(st.lists(lines, max_size=5), st.sets(paths, min_size=1, max_size=8))
def test_pruning_loses_nothing(patterns: list[str], tried: Any) -> None:
    """A directory that is skipped holds nothing that an exception takes back."""
    ignore = Ignore.parse("\n".join(patterns).encode(), "x")
    for path in tried:
        for at in (i for i, char in enumerate(path) if char == "/"):
            if ignore.matches(path[:at]) and ignore.patterns.prunable(path[:at]):
                assert ignore.matches(path)


# --- which file ---


def test_the_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    """TRAPS 1: `<Dockerfile>.dockerignore` replaces `.dockerignore`, even when it is empty."""
    dockerfile = tmp_path / "Dockerfile"
    assert ignore_file(str(tmp_path), str(dockerfile)) is None
    (tmp_path / ".dockerignore").write_text("a\n")
    assert ignore_file(str(tmp_path), str(dockerfile)) == str(tmp_path / ".dockerignore")
    (tmp_path / "Dockerfile.dockerignore").write_text("")
    assert ignore_file(str(tmp_path), str(dockerfile)) == str(tmp_path / "Dockerfile.dockerignore")
    assert not read_ignore(str(tmp_path), str(dockerfile)).matches("a")


def test_a_named_context_has_only_its_own_root_file(tmp_path: Path) -> None:
    """TRAPS 1: no Dockerfile's ignore file counts for it."""
    (tmp_path / ".dockerignore").write_text("a\n")
    (tmp_path / "Dockerfile.dockerignore").write_text("b\n")
    ignore = read_ignore(str(tmp_path), None)
    assert ignore.matches("a")
    assert not ignore.matches("b")


def test_an_ignore_file_beside_the_dockerfile_but_not_its_own_means_nothing(tmp_path: Path) -> None:
    """BUILDKIT 4: a `.dockerignore` in the Dockerfile's directory is not the context's."""
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / ".dockerignore").write_text("a\n")
    assert ignore_file(str(tmp_path), str(tmp_path / "docker" / "Dockerfile")) is None


def test_the_own_ignore_file_lies_beside_the_link(tmp_path: Path) -> None:
    """BUILDKIT 3: for a linked Dockerfile, not beside what it leads to."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "Dockerfile").write_text("")
    (tmp_path / "real" / "Dockerfile.dockerignore").write_text("")
    (tmp_path / "Dockerfile").symlink_to("real/Dockerfile")
    assert ignore_file(str(tmp_path), str(tmp_path / "Dockerfile")) is None
    (tmp_path / "Dockerfile.dockerignore").write_text("")
    assert ignore_file(str(tmp_path), str(tmp_path / "Dockerfile")) is not None


@pytest.mark.parametrize(
    ("target", "counts"), [("/ign", True), ("ign", True), ("d/../ign", True), ("../ign", True),
                           ("nope", False), ("d", False), (".dockerignore", False)]
)  # fmt: skip
def test_a_linked_ignore_file_is_followed_inside_its_folder(
    tmp_path: Path, target: str, counts: bool
) -> None:
    """TRAPS 1: as the engine does; one that leads nowhere is no ignore file."""
    root = tmp_path / "context"
    (root / "d").mkdir(parents=True)
    (root / "ign").write_text("a\n")
    (tmp_path / "ign").write_text("b\n")
    (root / ".dockerignore").symlink_to(target)
    ignore = read_ignore(str(root), str(root / "Dockerfile"))
    assert ignore.matches("a") is counts
    assert not ignore.matches("b")


def test_an_own_ignore_file_that_dangles_gives_way(tmp_path: Path) -> None:
    """Seen on docker 26.1.5: the context's then counts."""
    (tmp_path / "Dockerfile.dockerignore").symlink_to("nope")
    (tmp_path / ".dockerignore").write_text("a\n")
    assert read_ignore(str(tmp_path), str(tmp_path / "Dockerfile")).matches("a")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_ignore_file_is_named(tmp_path: Path) -> None:
    """Not a traceback."""
    (tmp_path / ".dockerignore").write_text("")
    (tmp_path / ".dockerignore").chmod(0)
    with pytest.raises(IgnoreError, match=r"\.dockerignore: cannot be read"):
        read_ignore(str(tmp_path), None)


def test_a_bad_pattern_is_no_fault_of_a_build_that_reads_no_context(tmp_path: Path) -> None:
    """BuildKit refuses patterns when it is sent a context, not before (docker 26.1.5, tried)."""
    (tmp_path / ".dockerignore").write_text("good\n[?*\n")
    ignore = read_ignore(str(tmp_path), str(tmp_path / "Dockerfile"))
    for _ in range(2):
        with pytest.raises(IgnoreError) as caught:
            ignore.matches("a")
        assert caught.value.line == 2
