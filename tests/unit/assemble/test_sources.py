"""What a COPY brings from a build context."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import socket
import tarfile
from pathlib import Path
from typing import Any

import pytest

from hashes.context.ignore import read_ignore
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.errors import ContextError
from layers.assemble.obstacle import Blocked
from layers.assemble.sources import Match, Moved, document, matches, newest, unpacks

UNSURE = re.compile("not all that is in it|meets a link")
RECORDED = json.loads((Path(__file__).parents[2] / "data" / "excludecases.json").read_text())


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    for name, text in (("a.txt", "a"), ("b.txt", ""), ("d/c.txt", "cc"), ("d/sub/e.py", "e")):
        (tmp_path / name).write_text(text)
    (tmp_path / "to_a").symlink_to("a.txt")
    (tmp_path / "to_d").symlink_to("/d")
    (tmp_path / "d" / "inside").symlink_to("c.txt")
    (tmp_path / "d" / "linked").hardlink_to(tmp_path / "d" / "c.txt")
    return tmp_path


def sources(context: Path, pinned: dict[str, str] | None = None) -> Sources:
    return Sources(Tree(str(context), read_ignore(str(context), None), pinned=pinned))


def shown(found: list[Match]) -> dict[str, list[str]]:
    return {
        each.name: [f"{item.kind} {item.path}".strip() for item in each.items] for each in found
    }


FOLDER = ["dir", "file c.txt", "link inside", "file linked", "dir sub", "file sub/e.py"]


@pytest.mark.parametrize(
    ("source", "brings"),
    [
        ("a.txt", {"a.txt": ["file"]}),
        ("/x/../a.txt", {"a.txt": ["file"]}),
        ("to_a", {"to_a": ["file"]}),
        ("d", {"d": FOLDER}),
        ("d/", {"d": FOLDER}),
        ("to_d", {"to_d": FOLDER}),
        ("to_d/c.txt", {"c.txt": ["file"]}),
        ("*.txt", {"a.txt": ["file"], "b.txt": ["file"]}),
        ("to_d/s*", {"sub": ["dir", "file e.py"]}),
        ("no*", {}),
    ],
)
def test_a_source_brings_what_buildkit_copies(
    context: Path, source: str, brings: dict[str, list[str]]
) -> None:
    """Links are followed where a source names them, and not below it; patterns one by one."""
    assert shown(matches(sources(context), source)) == brings


def test_what_is_ignored_does_not_come(context: Path) -> None:
    (context / ".dockerignore").write_text("**/*.txt\nto_*\n")
    (found,) = matches(sources(context), ".")
    assert [item.path for item in found.items] == [
        "",
        ".dockerignore",
        "d",
        "d/inside",
        "d/linked",
        "d/sub",
        "d/sub/e.py",
    ]
    with pytest.raises(ContextError, match="excludes it"):
        matches(sources(context), "a.txt")


def test_a_pattern_that_meets_links_is_left_to_the_engine(context: Path) -> None:
    """Even below what it matches: BuildKit does not send all that these lead to."""
    for source in ("to*", "[d]", "d/in*"):
        with pytest.raises(Blocked, match="meets a link"):
            matches(sources(context), source)
    (context / "d" / "dangling").symlink_to("nowhere")
    matches(sources(context), "d")
    with pytest.raises(ContextError, match="not in the build context"):
        matches(sources(context), "[d]")


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: case["line"])
def test_what_is_left_out_is_what_buildkit_leaves_out(case: Any, tmp_path: Path) -> None:
    """Path by path, for each match of a pattern as well; two in three are sure enough."""
    for path, what in RECORDED["tree"].items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            place.write_text(what)
        elif "link" in what:
            place.symlink_to(what["link"])
        else:
            place.mkdir()
    words = case["line"].split()[1:-1]
    exclude = tuple(word.removeprefix("--exclude=") for word in words if word.startswith("--"))
    names = [word for word in words if not word.startswith("--")]
    reason, found = "", list[Match]()
    try:
        found = [each for name in names for each in matches(sources(tmp_path), name, exclude)]
    except (Blocked, ContextError) as error:
        reason = str(error)
    if reason:
        assert "error" in case or UNSURE.search(reason)
        return
    ours = set()
    for match in found:
        top = "" if match.top.kind == "dir" else match.name
        ours |= {f"o/{top}{item.path}" for item in match.items if top or item.path}
    assert ours == {name.rstrip("/") for name in case["files"]}


def test_a_file_comes_with_all_that_counts(context: Path) -> None:
    os.chmod(context / "a.txt", 0o4750)
    os.utime(context / "a.txt", (5, 1_700_000_000.9))
    (found,) = matches(sources(context), "a.txt")
    assert (found.top.mode, found.top.mtime, found.top.size) == (0o4750, 1_700_000_000, 1)
    assert b"".join(found.top.read()) == b"a"
    assert newest([found]) == 1_700_000_000


def test_names_of_one_file_are_known_for_it(context: Path) -> None:
    (found,) = matches(sources(context), "d")
    inodes = {item.path: item.inode for item in found.items if item.kind == "file"}
    assert inodes["c.txt"] == inodes["linked"] is not None
    assert inodes["sub/e.py"] is None


@pytest.mark.parametrize("text", ["b", "aa", ""])
def test_other_bytes_than_those_that_were_hashed_are_found(context: Path, text: str) -> None:
    """Before the last of them is handed on, whatever size and time say."""
    (found,) = matches(sources(context), "a.txt")
    before = (context / "a.txt").stat()
    (context / "a.txt").write_text(text)
    os.utime(context / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(Moved, match="changed while"):
        list(found.top.read())


def test_a_link_in_the_place_of_a_file_is_not_followed(context: Path) -> None:
    (found,) = matches(sources(context), "a.txt")
    (context / "a.txt").unlink()
    (context / "a.txt").symlink_to("b.txt")
    with pytest.raises(Moved, match="cannot be read any more"):
        list(found.top.read())


def test_what_is_not_here_or_is_no_file_is_left_to_the_engine(context: Path) -> None:
    with pytest.raises(Blocked, match="not on this machine"):
        matches(sources(context, {"far.bin": "identity"}), "far.bin")
    with pytest.raises(Blocked, match="stands for its bytes"):
        matches(sources(context, {"a.txt": "identity"}), "a.txt")
    with socket.socket(socket.AF_UNIX) as each:
        each.bind(str(context / "s"))
    with pytest.raises(Blocked, match="a device or a socket"):
        matches(sources(context), "s")


def archive(pack: object = bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("x"))
    assert callable(pack)
    return bytes(pack(out.getvalue()))


@pytest.mark.parametrize(
    ("data", "may"),
    [
        (archive(), True),
        (archive(gzip.compress), True),
        (gzip.compress(b"no tar"), True),
        (b"BZh9...", True),
        (b"\xfd7zXZ\x00", True),
        (b"\x28\xb5\x2f\xfd", True),
        (b"", False),
        (b"text", False),
        (bytes(1024), False),
        (b"x" * 1024, False),
        (archive()[:400], False),
    ],
    ids=lambda value: "may" if value is True else "not" if value is False else "data",
)
def test_what_add_may_unpack_is_known(context: Path, data: bytes, may: bool) -> None:
    """By content, never by name."""
    (context / "a.txt").write_bytes(data)
    (found,) = matches(sources(context), "a.txt")
    assert unpacks(found.top) is may


def test_a_document_is_a_file() -> None:
    found = document("E", "one\n", 7)
    assert (found.name, found.top.mode, found.top.size) == ("E", 0o644, 4)
    assert b"".join(found.top.read()) == b"one\n"
