"""Branches and tags of git addresses, held fast by their commits."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes.dockerfile import git
from hashes.errors import LayersError
from layers.build.parents import _may_be
from layers.lock.git import GitPin, meant, name_of, resolve
from layers.lock.lock import Lock, LockError
from layers.lock.update import merge_git
from layers.project.git_refs import git_refs
from layers.project.project import Project

A, B = "a" * 40, "b" * 40
AT = "https://example.com/x.git"


@pytest.mark.parametrize(
    ("address", "name", "fast"),
    [
        (f"{AT}#v1", f"{AT}#v1", f"{AT}#{A}"),
        (f"{AT}#v1:a/b", f"{AT}#v1", f"{AT}#{A}:a/b"),
        (f"{AT}#:a/b", AT, f"{AT}#{A}:a/b"),
        (AT, AT, f"{AT}#{A}"),
        ("git@example.com:x.git#v1", "git@example.com:x.git#v1", f"git@example.com:x.git#{A}"),
        (f"{AT}#{B}", "", ""),
        (f"{AT}?ref=v1", f"{AT}#v1", f"{AT}#{A}"),
        (f"{AT}?ref=v1&subdir=a%2Fb", f"{AT}#v1", f"{AT}?subdir=a%2Fb#{A}"),
        (f"{AT}?tag=v1#:a", f"{AT}#refs/tags/v1", f"{AT}#{A}:a"),
        (f"{AT}?branch=refs/heads/m", f"{AT}#refs/heads/m", f"{AT}#{A}"),
        (f"{AT}?keep-git-dir=1#v1", f"{AT}#v1", f"{AT}?keep-git-dir=1#{A}"),
        (f"{AT}?submodules", AT, f"{AT}?submodules#{A}"),
        (f"{AT}?ref=v1#v1", f"{AT}#v1", f"{AT}#{A}"),
        (f"{AT}?ref=v1#v2", "", ""),
        (f"{AT}?branch=v1&tag=v1", "", ""),
        (f"{AT}?ref={B}", "", ""),
        (f"{AT}?ref=v1&commit={B}", "", ""),
        (f"{AT}?depth=1", "", ""),
        (f"{AT}?ref=", "", ""),
        ("https://me:secret@example.com/x.git?ref=v1", "", ""),
        ("https://me:secret@example.com/x.git#v1", "", ""),
        ("https://example.com/x.tar.gz", "", ""),
    ],
)
def test_an_address_is_held_by_its_repository_and_ref(address: str, name: str, fast: str) -> None:
    """A query names refs, too. What says a commit, two refs or a password is none of the lock's."""
    assert name_of(address) == name
    if name:
        assert git.at(address, A) == fast


@pytest.mark.parametrize(
    ("told", "ref", "expected"),
    [
        (f"{A}\tHEAD\n", "", A),
        (f"{A}\trefs/heads/v1\n{B}\trefs/tags/v1\n", "v1", A),
        (f"{A}\trefs/tags/v1\n{B}\trefs/tags/v1^{{}}\n", "v1", B),
        (f"{A}\trefs/heads/x/v1\n", "v1", ""),
        (f"{A}\trefs/pull/1/head\n", "refs/pull/1/head", A),
        ("", "v1", ""),
    ],
)
def test_a_ref_means_a_branch_then_a_tag(told: str, ref: str, expected: str) -> None:
    """What ls-remote prints has all refs that end so; an annotated tag is what it points at."""
    assert meant(told, ref) == expected


def test_what_git_says_is_told(tmp_path: Path) -> None:
    """Of each address for itself."""
    found = resolve([f"file://{tmp_path}/none.git#v1"])
    (error,) = found.values()
    assert isinstance(error, LayersError)
    assert f"file://{tmp_path}/none.git#v1: git ls-remote: " in str(error)


def test_the_file_reads_as_it_was_written() -> None:
    """Beside pins of images; what is no commit is told with its line."""
    lock = Lock.of([], git=[GitPin(f"{AT}#v1", A, "2024-05-01T12:00:00Z"), GitPin(AT, B)])
    assert Lock.parse(lock.text()) == lock
    assert (lock.commit(f"{AT}#v1:sub"), lock.commit(AT), lock.commit(f"{AT}#v2")) == (A, B, "")
    with pytest.raises(LockError, match=r'images.lock:6: git."https://example.com/x.git".commit'):
        Lock.parse(lock.text().replace(B, "v1"))


def test_locking_twice_is_one_lock_and_what_nobody_uses_is_dropped() -> None:
    """The time of what stays is that of before."""
    old = Lock.of([], git=[GitPin(AT, A, "2024-05-01T12:00:00Z"), GitPin(f"{AT}#v1", A)])
    new, moved = merge_git(old, [GitPin(AT, A, "2025-01-01T00:00:00Z")], {AT}, drop_others=True)
    assert new.git == {AT: GitPin(AT, A, "2024-05-01T12:00:00Z")}
    assert [(each.name, each.platform, each.old, each.new) for each in moved] == [
        (f"{AT}#v1", "git", A, "")
    ]
    new, moved = merge_git(old, [GitPin(AT, B)], {AT}, drop_others=False)
    assert [(each.old, each.new) for each in moved] == [(A, B)]
    assert new.with_pins([]).git == new.git


def project(root: Path, commit: str = "", query: str = "#") -> Project:
    (root / "app").mkdir(exist_ok=True)
    (root / "app" / "Dockerfile").write_text(
        f"FROM scratch\nARG V=1\nADD {AT}{query}v$V /a\nCOPY --from=src / /s\n"
    )
    (root / "images.toml").write_text(
        'version = 1\n[project]\nname = "x"\n[images.app]\ncontext = "app"\n'
        f'contexts = {{ src = "{AT}#main:sub" }}\n'
    )
    pins = [GitPin(f"{AT}#v1", commit), GitPin(f"{AT}#main", commit)] if commit else []
    (root / "images.lock").write_text(Lock.of([], git=pins).text())
    return Project(str(root))


@pytest.mark.parametrize("query", ["#", "?ref="])
def test_the_commit_is_in_the_key_of_a_context_and_of_an_add(tmp_path: Path, query: str) -> None:
    """What is not locked counts by its text, and is told."""
    refs = git_refs(project(tmp_path, query=query).inputs, ["app"])
    assert list(refs) == [f"{AT}#main", f"{AT}#v1"]
    keys = {}
    for commit in ("", A, B):
        found = project(tmp_path, commit, query).inputs.image("app")
        keys[commit] = str(found.own.key())
        assert sorted(found.unpinned) == ([] if commit else [f"{AT}{query}v1", "src"])
    assert len(set(keys.values())) == 3


@pytest.mark.parametrize(
    ("word", "may"),
    [
        (f"{AT}#v1", True),
        (f"{AT}#v$V", True),
        (f"{AT}#${{V:-v1}}", True),
        ("$X", True),
        (f"{AT}#v2", False),
        ("other", False),
    ],
)
def test_the_word_of_an_address_is_found_by_what_its_variables_may_be(word: str, may: bool) -> None:
    """So that the commit stands in its place."""
    assert _may_be(word, f"{AT}#v1") is may
