"""TRAPS.md rows about files of a context, one test or more a row, each named by its number."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hashes.context.filehash import hash_file, signature
from hashes.context.ignore import Ignore, read_ignore
from hashes.context.input import Input
from hashes.context.sources import Sources
from hashes.context.statcache import StatCache
from hashes.context.tree import Tree
from hashes.errors import ContextError


@pytest.fixture
def root(tmp_path: Path) -> Any:
    """Give a context with a bit of everything."""
    (tmp_path / "d" / "void").mkdir(parents=True)
    (tmp_path / "d" / "f").write_text("f")
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "d" / "inner").symlink_to("f")
    return tmp_path


def read(root: Path, source: str = ".", ignore: bytes = b"") -> Any:
    return Sources(Tree(str(root), Ignore.parse(ignore, "x"))).copy(source)


def xattrs_work(path: Path) -> bool:
    try:
        os.setxattr(path, "user.try", b"1")
        os.removexattr(path, "user.try")
    except (OSError, AttributeError):
        return False
    return True


def test_trap_01_only_the_winning_ignore_file_counts(root: Path) -> None:
    """And the loser is ordinary content."""
    (root / ".dockerignore").write_text("a\n")
    (root / "Dockerfile.dockerignore").write_text("link\n")
    ignore = read_ignore(str(root), str(root / "Dockerfile"))
    paths = {item.path for item in Sources(Tree(str(root), ignore)).everything()}
    assert {"a", ".dockerignore"} <= paths
    assert "link" not in paths


def test_trap_02_the_grammar_is_not_gits(root: Path) -> None:
    """A name alone is not searched for in every folder, nor is a trailing slash a type."""
    paths = {item.path for item in read(root, ignore=b"f\na/\n")}
    assert "d/f" in paths
    assert "a" not in paths


def test_trap_03_an_ignore_files_effect_counts_and_not_its_bytes(root: Path) -> None:
    """A comment in it is nothing when it is itself left out, and content when it is not."""
    (root / ".dockerignore").write_text("x\n")
    before, before_out = read(root), read(root, ignore=b"x\n.dockerignore\n")
    (root / ".dockerignore").write_text("# why\nx\n")
    assert read(root) != before
    assert read(root, ignore=b"# why\nx\n.dockerignore\n") == before_out


def test_trap_04_a_source_knows_no_double_star(root: Path) -> None:
    """`**` is `*`; and `*` takes names that begin with a dot."""
    (root / ".env").write_text("")
    assert [item.path for item in read(root, "**/f")] == ["d/f"]
    (root / "d" / "e").mkdir()
    (root / "d" / "e" / "f").write_text("")
    assert [item.path for item in read(root, "**/f")] == ["d/f"]
    assert ".env" in {item.path for item in read(root, "*")}


def test_trap_05_folders_modes_and_empty_folders_count(root: Path) -> None:
    """Of the copied tree, its top included; not of the context root, nor of a file's parent."""
    before, whole, one = read(root, "d"), read(root), read(root, "d/f")
    (root / "d").chmod(0o700)
    assert read(root, "d") != before
    assert read(root, "d/f") == one
    (root / "d").chmod(0o755)
    root.chmod(0o700)
    assert read(root) == whole
    (root / "d" / "void").rmdir()
    assert read(root, "d") != before


@pytest.mark.parametrize("mode", [0o664, 0o640, 0o755, 0o4644, 0o2644, 0o1644])
def test_trap_06_every_bit_of_a_mode_counts(root: Path, mode: int) -> None:
    """A checkout under another umask is another build."""
    (root / "a").chmod(0o644)
    before = read(root, "a")
    (root / "a").chmod(mode)
    assert read(root, "a") != before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_trap_07_owners_do_not_count(root: Path) -> None:
    """The client sends 0:0."""
    before = read(root)
    for path in root.rglob("*"):
        os.chown(path, 12, 34, follow_symlinks=False)
    assert read(root) == before


def test_trap_08_times_do_not_count(root: Path) -> None:
    """Neither a file's nor a folder's."""
    before = read(root)
    for path in root.rglob("*"):
        os.utime(path, ns=(1, 1), follow_symlinks=False)
    assert read(root) == before


@pytest.mark.parametrize("name", ["a", "d"])
def test_trap_09_user_attributes_count(root: Path, name: str) -> None:
    """Of files and of folders; and taking them away brings the first inputs back."""
    if not xattrs_work(root / name):
        pytest.skip("no extended attributes here")
    before = read(root)
    os.setxattr(root / name, "user.note", b"1")
    first = read(root)
    os.setxattr(root / name, "user.note", b"2")
    second = read(root)
    assert len({before, first, second}) == 3
    os.removexattr(root / name, "user.note")
    assert read(root) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sets capabilities")
def test_trap_09_capabilities_count_and_other_security_attributes_do_not(root: Path) -> None:
    """security.capability is the one of its kind that BuildKit keeps."""
    if not xattrs_work(root / "a"):
        pytest.skip("no extended attributes here")
    before = read(root)
    os.setxattr(root / "a", "security.ima", b"\x01xx")
    assert read(root) == before
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    os.setxattr(root / "a", "security.capability", capability)
    assert read(root) != before


def test_trap_09_a_remembered_attribute_is_not_forgotten(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An attribute's change moves ctime, so the stat cache misses."""
    if not xattrs_work(root / "a"):
        pytest.skip("no extended attributes here")
    place = str(tmp_path_factory.mktemp("cache") / "stat")

    def run() -> Any:
        cache = StatCache.load(place, str(root))
        found = Sources(Tree(str(root), None, cache)).everything()
        cache.save()
        return found

    before = run()
    os.setxattr(root / "a", "user.note", b"1")
    after = run()
    assert after != before
    assert run() == after


def test_trap_10_a_source_that_is_a_link_is_what_it_leads_to(root: Path) -> None:
    """Retargeting to the same bytes or replacing it by a copy is the same; other bytes are not."""
    before = read(root, "link")
    (root / "twin").write_text("a")
    (root / "link").unlink()
    (root / "link").symlink_to("/twin")
    assert read(root, "link") == before
    (root / "link").unlink()
    (root / "link").write_text("a")
    assert read(root, "link") == before
    (root / "link").write_text("b")
    assert read(root, "link") != before


def test_trap_10_a_link_inside_a_copied_folder_is_its_text(root: Path) -> None:
    """Its target is not looked at, and need not be there."""
    before = read(root, "d")
    (root / "d" / "inner").unlink()
    (root / "d" / "inner").symlink_to("nowhere")
    after = read(root, "d")
    assert after != before
    assert ("d/inner", "link", 0o777, "nowhere") in after


def test_trap_10_no_link_leads_out_of_the_context(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An absolute or climbing link is resolved inside; the world outside is never read."""
    outside = tmp_path_factory.mktemp("outside") / "secret"
    outside.write_text("")
    (root / "out").symlink_to(outside)
    with pytest.raises(ContextError):
        read(root, "out")
    (root / "up").symlink_to("../../a")
    assert read(root, "up")[0][1:] == read(root, "a")[0][1:]


def test_trap_11_hard_links_are_like_any_files(root: Path) -> None:
    """Linked or copied, and one name ignored: the same inputs."""
    os.link(root / "a", root / "b")
    before = read(root, ignore=b"b\n")
    linked = read(root)
    (root / "b").unlink()
    assert read(root, ignore=b"b\n") == before
    (root / "b").write_text("a")
    assert read(root) == linked


def test_trap_12_special_files_are_not_opened(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A FIFO would hang; a socket counts as the empty file that it arrives as, by its mode."""
    os.mkfifo(root / "pipe")
    folder = Path.cwd()
    os.chdir(root)  # a socket's path holds 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("sock")
    finally:
        os.chdir(folder)
    found = {item.path: (item.kind, item.value) for item in read(root)}
    assert found["pipe"] == ("other", "fifo")
    assert found["sock"] == ("other", "socket")
    with pytest.raises(ContextError, match="something else"):
        hash_file(os.fsencode(root / "pipe"))


def test_trap_13_names_are_bytes(root: Path) -> None:
    """Case, NFC and NFD, and bytes that are no UTF-8 are all different names."""
    for name in (b"A", b"b\xff", "\u00e9".encode(), "e\u0301".encode()):
        Path(os.fsdecode(os.fsencode(root) + b"/" + name)).write_bytes(name)
    paths = [item.path for item in read(root)]
    assert {"a", "A", "b\udcff", "\u00e9", "e\u0301"} <= set(paths)
    assert len(read(root, "b\udcff")) == 1
    with pytest.raises(ContextError):
        read(root, "LINK")


def test_trap_13_the_locale_does_not_matter(root: Path) -> None:
    """TRAPS 35, too: under LC_ALL=C and Latin-1 the same inputs in the same order."""
    (root / "\u00e9").write_text("")
    (root / "z").write_text("")
    program = (
        "import sys, hashes.context.input as e; from hashes.context.sources import Sources\n"
        "from hashes.context.tree import Tree\n"
        "print(e.frame(Sources(Tree(sys.argv[1])).everything()).hex())"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-X", "utf8=0", "-c", program, str(root)],
            env={"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            check=True,
        ).stdout
        for locale, seed in (("C", "1"), ("C.UTF-8", "2"), ("POSIX", "3"))
    }
    assert len(answers) == 1


def test_trap_14_line_ends_are_bytes(root: Path) -> None:
    """Nothing is normalised in content; an ignore file may have either."""
    (root / "a").write_bytes(b"x\n")
    before = read(root, "a")
    (root / "a").write_bytes(b"x\r\n")
    assert read(root, "a") != before
    assert Ignore.parse(b"a\r\nb\r\n", "x").matches("b")


@pytest.mark.parametrize("part", ["st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns"])
def test_trap_31_the_cache_key_has(root: Path, part: str) -> None:
    """Every one of them is part of what an entry is remembered by."""
    status = os.lstat(root / "a")
    assert getattr(status, part) in signature(status)


def test_trap_32_a_second_scan_sees_what_moved(root: Path) -> None:
    """Hash, build, hash again."""
    before = read(root)
    (root / "d" / "f").write_text("F")
    moved = set(before) ^ set(read(root))
    assert {item.path for item in moved} == {"d/f"}


def test_trap_32_a_file_that_never_rests_is_not_recorded(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its status before and after the reading differs each time."""
    from hashes.context import filehash

    original = filehash._content

    def restless(handle: Any, size: int, algorithm: str) -> Any:
        found = original(handle, size, algorithm)
        with open(root / "a", "a") as file:
            file.write("+")
        return found

    monkeypatch.setattr(filehash, "_content", restless)
    assert not hash_file(os.fsencode(root / "a")).stable


def tree_of(root: Path, files: dict[str, str]) -> Sources:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return Sources(Tree(str(root)))


def seen(inputs: tuple[Input, ...]) -> list[tuple[str, str]]:
    return [(item.path, item.kind) for item in inputs]


def test_trap_04_exclude_leaves_out_below_the_source_only(tmp_path: Path) -> None:
    """patterns are relative to the source; what may be kept is kept."""
    sources = tree_of(tmp_path, {"d/a.md": "", "d/s/b.md": "", "d/c": "", "d/n/k": ""})
    assert seen(sources.copy("d", exclude=("*.md", "n", "!n/k"))) == [
        ("d", "dir"), ("d/c", "file"), ("d/n", "dir"), ("d/n/k", "file"), ("d/s", "dir"),
        ("d/s/b.md", "file"),
    ]  # fmt: skip
    assert seen(sources.copy("d/a.md", exclude=("*.md",))) == [("d/a.md", "file")]
    with pytest.raises(ContextError):
        sources.copy("d", exclude=("[",))


def test_trap_04_parents_takes_double_stars_and_the_folders_on_the_way(tmp_path: Path) -> None:
    """with `--parents`, `**` works and parents come along; `/./` is where they begin."""
    sources = tree_of(tmp_path, {"a/b/p.json": "", "a/c/q": "", "p.json": ""})
    assert seen(sources.copy("**/p.json", parents=True)) == [
        ("a", "dir"), ("a/b", "dir"), ("a/b/p.json", "file"), ("p.json", "file")
    ]  # fmt: skip
    assert seen(sources.copy("a/./**/p.json", parents=True)) == [
        ("a/b", "dir"), ("a/b/p.json", "file")
    ]  # fmt: skip
    assert seen(sources.copy("a/c", parents=True)) == [
        ("a", "dir"),
        ("a/c", "dir"),
        ("a/c/q", "file"),
    ]
    assert seen(sources.copy("nope*", parents=True)) == [("nope*", "absent")]
