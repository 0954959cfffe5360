"""The stat cache: never wrong, and no unchanged file opened."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hashes.context.filehash import CHUNK, hash_file
from hashes.context.sources import Sources
from hashes.context.statcache import FOREIGN_MARGIN, KEPT_DAYS, VERSION, StatCache
from hashes.context.tree import Tree


@pytest.fixture
def project(tmp_path: Path) -> Any:
    """Give a small project."""
    root = tmp_path / "project"
    (root / "src").mkdir(parents=True)
    for i in range(20):
        (root / "src" / f"{i}.py").write_text(f"print({i})")
    (root / "app.py").write_text("app")
    return root


def settle(root: Path) -> None:
    """Wait until the file system's clock is past every time in a tree."""
    newest = max(os.lstat(path).st_ctime_ns for path in (root, *root.rglob("*")))
    probe = root.parent / "clock"
    while True:
        probe.touch()
        if probe.stat().st_ctime_ns > newest:
            return
        time.sleep(0.001)


def place(root: Path) -> str:
    return str(root.parent / "cache" / "stat")


def look(root: Path, source: str = ".") -> Any:
    """Do one run: load, scan, save."""
    cache = StatCache.load(place(root), str(root))
    inputs = Sources(Tree(str(root), None, cache)).copy(source)
    cache.save()
    return inputs


OPENED: list[str] = []
LISTENING = threading.Event()


def _listen(event: str, args: tuple[object, ...]) -> None:
    if event == "open" and LISTENING.is_set():
        OPENED.append(os.fsdecode(args[0]) if isinstance(args[0], (str, bytes)) else str(args[0]))


sys.addaudithook(_listen)


def opened_files(work: Any) -> list[str]:
    """Name the files, not directories, that some work opens."""
    OPENED.clear()
    LISTENING.set()
    try:
        work()
    finally:
        LISTENING.clear()
    return [path for path in OPENED if Path(path).is_file()]


def test_an_unchanged_file_is_not_opened(project: Path) -> None:
    """TRAPS 31, DESIGN rule 10: the second run opens the cache and nothing else."""
    settle(project)
    first = opened_files(lambda: look(project))
    assert len([path for path in first if path.startswith(str(project))]) == 21
    assert opened_files(lambda: look(project)) == [place(project)]


def test_a_changed_file_is_the_only_one_opened(project: Path) -> None:
    """One edit costs one reading."""
    settle(project)
    look(project)
    (project / "src" / "7.py").write_text("print(8)")
    settle(project)
    opened = opened_files(lambda: look(project))
    assert sorted(opened) == sorted([place(project), str(project / "src" / "7.py")])
    assert opened_files(lambda: look(project)) == [place(project)]


def test_an_edit_in_the_same_tick_is_seen_every_time(project: Path) -> None:
    """TRAPS 31: 1,000 edits right behind a run that keep size and mtime; none is missed."""
    file = project / "app.py"
    for i in range(1000):
        file.write_text(f"{i:06}")
        kept = file.stat()
        before = look(project, "app.py")
        file.write_text(f"{i + 1:06}")
        os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        after = look(project, "app.py")
        assert before[0].value != after[0].value


def test_a_cache_that_trusts_size_and_mtime_misses_such_edits(project: Path) -> None:
    """The law above can fail: a twin that forgets ctime and the racy rule does miss them."""
    file = project / "app.py"
    known: dict[tuple[int, int], str] = {}
    missed = 0
    for i in range(20):
        file.write_text(f"{i:06}")
        kept = file.stat()
        known[kept.st_size, kept.st_mtime_ns] = hash_file(os.fsencode(file)).value
        file.write_text(f"{i + 1:06}")
        os.utime(file, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        status = file.stat()
        stale = known[status.st_size, status.st_mtime_ns]
        missed += stale != hash_file(os.fsencode(file)).value
    assert missed == 20


def test_a_file_with_times_not_older_than_its_reading_is_read_again(project: Path) -> None:
    """Git's racy rule: such a file is not recorded."""
    cache = StatCache.load(place(project), str(project))
    status = os.lstat(project / "app.py")
    known = cache.directory(str(project), 3)
    cache.now(status)
    assert not cache.record(known, "app.py", status, "v", status.st_ctime_ns)
    assert cache.lookup(known, "app.py", status) is None
    assert cache.record(known, "app.py", status, "v", status.st_ctime_ns + 1 + FOREIGN_MARGIN)
    assert cache.lookup(known, "app.py", status) == "v"


def test_an_mtime_far_ahead_does_not_make_a_file_racy_for_ever(project: Path) -> None:
    """No edit gives such an mtime by itself, and setting it moves ctime."""
    later = time.time_ns() + 10**15
    os.utime(project / "app.py", ns=(later, later))
    settle(project)
    look(project)
    assert opened_files(lambda: look(project)) == [place(project)]


@pytest.mark.parametrize("field", ["size", "mtime", "inode", "mode"])
def test_any_change_of_status_is_a_miss(project: Path, field: str) -> None:
    """Size, times, inode and mode."""
    settle(project)
    before = look(project)
    file = project / "app.py"
    if field == "size":
        file.write_text("application")
    elif field == "mtime":
        os.utime(file, ns=(5, 5))
    elif field == "inode":
        (project / "new").write_text("app")
        (project / "new").replace(file)
    else:
        file.chmod(0o755)
    settle(project)
    assert str(file) in opened_files(lambda: look(project))
    assert (look(project) == before) is (field in ("mtime", "inode"))


def test_deleting_the_cache_changes_no_answer(project: Path) -> None:
    """DESIGN rule 6: with it, without it and after its loss, the same inputs."""
    settle(project)
    first = look(project)
    assert look(project) == first
    Path(place(project)).unlink()
    assert look(project) == first
    assert Sources(Tree(str(project))).copy(".") == first


def damaged(data: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "cut": data[:-7],
        "flipped": data[:-20] + bytes([data[-20] ^ 1]) + data[-19:],
        "older": data.replace(VERSION, VERSION.replace(b"1", b"0")),
        "other": b"\x00" * 4096,
        "bare": VERSION,
    }


@pytest.mark.parametrize("how", sorted(damaged(b"x" * 64)))
def test_a_damaged_cache_is_an_empty_one(project: Path, how: str) -> None:
    """EXAMPLES 16: it costs time, not correctness, and the next save mends it."""
    settle(project)
    first = look(project)
    file = Path(place(project))
    file.write_bytes(damaged(file.read_bytes())[how])
    assert len(opened_files(lambda: look(project))) == 22
    assert look(project) == first
    assert opened_files(lambda: look(project)) == [place(project)]


def test_a_cache_that_cannot_be_written_is_no_error(project: Path) -> None:
    """A read-only checkout still has keys."""
    cache = StatCache.load(str(project / "app.py" / "stat"), str(project))
    assert len(Sources(Tree(str(project), None, cache)).copy(".")) == 22
    cache.save()


def test_an_unchanged_cache_is_not_written(project: Path) -> None:
    """Saved only when changed."""
    settle(project)
    look(project)
    before = os.stat(place(project))
    look(project)
    assert os.stat(place(project)).st_ino == before.st_ino


def test_a_moved_project_keeps_its_cache(project: Path, tmp_path: Path) -> None:
    """Paths are relative to the root."""
    settle(project)
    look(project)
    moved = tmp_path / "elsewhere"
    project.rename(moved)
    cache = StatCache.load(place(project), str(moved))
    tree = Tree(str(moved), None, cache)
    assert opened_files(lambda: Sources(tree).copy("src")) == []


def test_another_checkout_does_not_believe_it(project: Path, tmp_path: Path) -> None:
    """A copied tree has other inodes, whatever its sizes and mtimes."""
    settle(project)
    look(project)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", str(project), str(copy)], check=True)
    (copy / "app.py").write_text("APP")
    os.utime(copy / "app.py", ns=(0, (project / "app.py").stat().st_mtime_ns))
    cache = StatCache.load(place(project), str(copy))
    assert Sources(Tree(str(copy), None, cache)).copy("app.py") != look(project, "app.py")


def test_two_names_of_one_inode_are_two_entries(project: Path) -> None:
    """TRAPS 11: hard links share bytes, not paths."""
    os.link(project / "app.py", project / "again.py")
    settle(project)
    look(project)
    inputs = {item.path: item for item in look(project)}
    assert inputs["app.py"][1:] == inputs["again.py"][1:]


def test_what_nobody_looks_at_for_long_is_forgotten(project: Path) -> None:
    """The cache does not grow for ever."""
    settle(project)
    look(project)
    cache = StatCache.load(place(project), str(project))
    cache._known["src"] = (cache._today - KEPT_DAYS - 1, cache._known["src"][1])
    cache.changed = True
    cache.save()
    assert set(StatCache.load(place(project), str(project))._known) == {""}


def test_names_that_are_gone_are_forgotten(project: Path) -> None:
    """A folder of files with ever new names does not fill the cache."""
    for i in range(100):
        (project / f"{i}.tmp").write_text("")
    settle(project)
    look(project)
    for i in range(100):
        (project / f"{i}.tmp").unlink()
    look(project)
    assert len(StatCache.load(place(project), str(project))._known[""][1]) <= 2


def test_two_processes_at_once_are_safe(project: Path) -> None:
    """Whoever saves last, the cache is whole and its answers are right."""
    settle(project)
    program = (
        "import sys; from hashes.context.statcache import StatCache\n"
        "from hashes.context.tree import Tree\n"
        "from hashes.context.sources import Sources\n"
        "for i in range(30):\n"
        "    cache = StatCache.load(sys.argv[2], sys.argv[1])\n"
        "    cache._known.pop(sys.argv[3], None)\n"
        "    print(hash(Sources(Tree(sys.argv[1], None, cache)).copy('.')))\n"
        "    cache.changed = True\n"
        "    cache.save()\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(project), place(project), folder],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env=environment,
        )
        for folder in ("src", "")
    ]
    answers = {line for process in both for line in process.communicate()[0].split()}
    assert [process.returncode for process in both] == [0, 0]
    assert len(answers) == 1
    assert StatCache.load(place(project), str(project))._known
    assert os.listdir(Path(place(project)).parent) == ["stat"]


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_file_hashes_the_same_whole_or_in_parts(tmp_path: Path, size: int) -> None:
    """The value is xxh3_128 of the bytes, and their number."""
    import xxhash

    data = bytes(i % 251 for i in range(size))
    (tmp_path / "f").write_bytes(data)
    value = hash_file(os.fsencode(tmp_path / "f")).value
    assert value.split("+")[0] == f"{xxhash.xxh3_128_hexdigest(data)}:{size}"


def test_many_big_files_hash_the_same_on_threads(tmp_path: Path) -> None:
    """Order and answers do not depend on who reads."""
    for i in range(9):
        (tmp_path / str(i)).write_bytes(bytes([i]) * (100_000 + i))
    inputs = Sources(Tree(str(tmp_path))).everything()
    alone = [hash_file(os.fsencode(tmp_path / item.path)).value for item in inputs]
    assert [item.value for item in inputs] == alone
    assert len(set(alone)) == 9
