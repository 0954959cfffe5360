"""Changes: the difference between two manifests, in words."""

from __future__ import annotations

from typing import Any

import pytest

from hashes import Entry, External, Manifest, changes
from tests.unit.memory import FILES, Memory, last

BASE = """\
FROM node AS base
ARG VERSION=1
ENV MODE=dev
RUN echo one
COPY a.txt dir /x/
LABEL a=b
RUN echo end
"""
RUN, COPY = "Dockerfile:4 RUN", "Dockerfile:5 COPY"


def words(one: Manifest, two: Manifest) -> list[str]:
    return [change.text() for change in changes(one, two)]


def by_digest(value: str) -> Any:
    return lambda name, platform: External(f"digest sha256:{value}")


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ({}, {}, []),
        ({}, {"files": FILES | {"a.txt": "9"}}, ["a.txt changed"]),
        ({}, {"files": FILES | {"dir/n": "9"}}, ["dir/n added"]),
        ({"files": FILES | {"dir/n": "9"}}, {}, ["dir/n removed"]),
        (
            {},
            {"files": Memory(FILES, 0o600)},
            ["a.txt: mode 644 → 600", "dir/d.txt: mode 644 → 600"],
        ),
        ({}, {"args": {"VERSION": "2"}}, ["build arg VERSION: 1 → 2"]),
        ({}, {"args": {"VERSION": ""}}, ["build arg VERSION: 1 → (empty)"]),
        ({}, {"platform": "linux/arm64"}, ["platform: linux/amd64 → linux/arm64"]),
        ({}, {"add_hosts": ("a:1.2.3.4",)}, ["--add-host: set to a:1.2.3.4"]),
        (
            {"resolve": by_digest("aa")},
            {"resolve": by_digest("bb")},
            ["base node: digest sha256:aa → digest sha256:bb"],
        ),
    ],
)
def test_a_cause_is_named(old: Any, new: Any, sentences: Any) -> None:
    """One cause, one sentence."""
    assert words(last(BASE, **old).manifest, last(BASE, **new).manifest) == sentences


@pytest.mark.parametrize(
    ("was", "now", "sentences"),
    [
        ("echo one", "echo two", ["Dockerfile:4 RUN changed"]),
        ("RUN echo one\n", "", ["Dockerfile:4 RUN removed"]),
        ("RUN echo one\n", "RUN echo one\nRUN x\n", ["Dockerfile:5 RUN added"]),
        ("MODE=dev", "MODE=prod", ["Dockerfile:3 ENV MODE: dev → prod"]),
        ("a=b", "a=c", ["Dockerfile:6 LABEL a: b → c"]),
        ("FROM node", "FROM node:2", ["Dockerfile:1 FROM node → node:2"]),
        ("RUN echo one", "RUN --network=none echo one", [f"{RUN}: --network=none added"]),
        ("COPY a.txt dir", "COPY --chmod=755 a.txt dir", [f"{COPY}: --chmod=755 added"]),
        ("COPY a.txt dir", "COPY a.txt sub dir", [f"{COPY} changed"]),
        ("COPY a.txt dir /x/\n", "", [f"{COPY} removed"]),
    ],
)
def test_an_edit_of_the_dockerfile_is_located(was: Any, now: Any, sentences: Any) -> None:
    """By its line in the new file, or the old one where the new has none."""
    old, new = last(BASE).manifest, last(BASE.replace(was, now)).manifest
    assert words(old, new) == sentences


def test_the_first_cause_comes_first() -> None:
    """In the order of the steps, not of the alphabet."""
    new = last(BASE.replace("echo one", "echo two"), {"VERSION": "2"}, files=FILES | {"a.txt": "9"})
    assert words(last(BASE).manifest, new.manifest) == [
        "build arg VERSION: 1 → 2",
        "Dockerfile:4 RUN changed",
        "a.txt changed",
    ]


def test_a_parent_is_blamed_by_name() -> None:
    """Its own causes are told at the parent."""
    text = BASE + "FROM base AS run\nCOPY --from=base /x /y\n"
    old, new = last(text), last(text.replace("echo one", "echo two"))
    assert words(old.manifest, new.manifest) == ["parent base changed"]
    image = "FROM base-python\n"
    one = last(image, resolve=lambda name, _: External("key xxh3-1"))
    two = last(image, resolve=lambda name, _: External("key xxh3-2"))
    assert words(one.manifest, two.manifest) == ["parent base-python changed"]


def test_a_secret_argument_shows_no_value() -> None:
    """It says that it changed, and no more."""
    text = "FROM a\nARG NPM_TOKEN\nRUN x\n"
    old, new = last(text, {"NPM_TOKEN": "first-one"}), last(text, {"NPM_TOKEN": "other-one"})
    assert words(old.manifest, new.manifest) == ["build arg NPM_TOKEN changed"]


def test_a_step_that_asks_for_another_parent_is_located() -> None:
    """The COPY itself stays; only where it copies from is another."""
    text = "FROM a AS one\nRUN x\nFROM a AS two\nRUN y\nFROM a\nCOPY --from=one /f /\n"
    old, new = last(text), last(text.replace("from=one", "from=two"))
    assert words(old.manifest, new.manifest) == ["Dockerfile:6 COPY --from one → two"]


def test_a_parent_more_is_no_change_of_the_others() -> None:
    """A COPY before others does not shift them."""
    text = "FROM a AS one\nRUN x\nFROM a AS two\nRUN y\nFROM a\nCOPY --from=two /f /\n"
    more = text.replace("COPY", "COPY --from=one /g /\nCOPY")
    assert words(last(text).manifest, last(more).manifest) == ["Dockerfile:6 COPY added"]


def test_files_of_one_name_in_two_contexts_are_told_apart() -> None:
    """Both are called a.txt; the one in the named context changed."""
    text = "FROM scratch\nCOPY a.txt /\nCOPY --from=more a.txt /b\nCOPY a.txt /c\n"
    old = last(text, contexts={"more": Memory({"a.txt": "1"})})
    new = last(text, contexts={"more": Memory({"a.txt": "2"})})
    (change,) = changes(old.manifest, new.manifest)
    assert (change.text(), change.origin) == ("a.txt changed", "more")


def test_a_whole_directory_is_one_change() -> None:
    """What it holds came with it; a file more in one that was there is told by itself."""
    folder = [Entry("dir", "new", "755 ", 2), Entry("file", "new/a", "644 1", 2)]
    more = [Entry("dir", "new/sub", "755 ", 2), Entry("file", "new/sub/a", "644 1", 2)]
    copy = [Entry("copy", "COPY", '[".", "/"]', 2), Entry("source", "", "", 2)]
    assert words(Manifest((*copy,)), Manifest((*copy, *folder, *more))) == ["new/ added"]
    assert words(Manifest((*copy, *folder)), Manifest((*copy, *folder, *more))) == [
        "new/sub/ added"
    ]
    assert words(Manifest((*copy, *folder)), Manifest((*copy, folder[0]))) == ["new/a removed"]


def test_system_bases_are_told_by_package() -> None:
    """Their entries have all in the value."""
    old = Manifest((Entry("suite", "", "bookworm"), Entry("package", "", "npm")))
    new = Manifest(
        (
            Entry("suite", "", "trixie"),
            Entry("package", "", "nodejs"),
            Entry("package", "", "npm=9"),
            Entry("env", "", "A=1"),
        )
    )
    assert words(old, new) == [
        "suite: bookworm → trixie",
        "package nodejs added",
        "package npm any version → 9",
        "ENV A: set to 1",
    ]


def test_another_algorithm_is_told_and_hides_nothing() -> None:
    """Hashes cannot be compared; modes, sizes and steps can."""

    def side(algorithm: str, digits: str, mode: str, run: str) -> Manifest:
        return Manifest(
            (
                Entry("image", "from", f"key {algorithm}-{digits}", 1, "base"),
                Entry("copy", "COPY", '[".", "/"]', 2),
                Entry("source", "", "", 2),
                Entry("file", "same", f"644 {digits}:9", 2),
                Entry("file", "mode", f"{mode} {digits}:9", 2),
                Entry("run", "RUN", f'["{run}"]', 3),
            ),
            algorithm=algorithm,
        )

    old, new = side("xxh3", "1" * 32, "644", "x"), side("blake3", "2" * 64, "755", "y")
    assert words(old, new) == [
        "hash: xxh3 → blake3",
        "mode: mode 644 → 755",
        "Dockerfile:3 RUN changed",
    ]
    assert words(old, side("blake3", "2" * 64, "644", "x")) == ["hash: xxh3 → blake3"]


def test_another_order_alone_is_told() -> None:
    """Two ENV lines swapped before a RUN."""
    one = last("FROM a\nENV A=1\nENV B=2\nRUN x\n")
    two = last("FROM a\nENV B=2\nENV A=1\nRUN x\n")
    assert words(one.manifest, two.manifest) == ["the order of the steps changed"]


def test_changes_are_found_exactly_when_keys_differ() -> None:
    """Silence would leave a stale layer without a reason."""
    texts = [BASE, BASE.replace("one", "1"), BASE.replace("/x/", "/y/"), BASE + "CMD x\n"]
    manifests = [last(text).manifest for text in texts]
    for old in manifests:
        for new in manifests:
            assert bool(changes(old, new)) is (old.key() != new.key())
