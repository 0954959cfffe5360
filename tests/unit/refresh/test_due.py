"""When a base is due, and which bases succeed or fail as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.engine.engine import LocalImage
from layers.lock.epochs import NEXT, Base, Epoch
from layers.oci.digest import Digest
from layers.refresh.due import Night, due, groups, moved
from layers.refresh.trial import same_content

A, B, C = (Digest("sha256:" + digit * 64) for digit in "abc")
P, Q = str(A), str(B)
BASE = Base("base", "linux/amd64", Epoch(3, "xxh3-0", A, "", 1, P, {"up:1": A}))
QUIET = Night(BASE, {"up:1": A}, {"up:1": A}, True, P)


@pytest.mark.parametrize(
    ("night", "parents", "expected"),
    [
        (QUIET, (), ()),
        (QUIET._replace(base=None), (), ("it was never refreshed",)),
        (
            QUIET._replace(present=False),
            (),
            ("no image with its key is in the engine or the registry",),
        ),
        (
            QUIET._replace(found={"up:1": B}),
            (),
            ("up:1 moved: sha256:aaaaaaaaaaaa… → sha256:bbbbbbbbbbbb…",),
        ),
        (
            QUIET._replace(pins={}),
            (),
            ("up:1 moved: not pinned → sha256:aaaaaaaaaaaa…",),
        ),
        (QUIET._replace(found={}), (), ()),
        (QUIET._replace(base=BASE._replace(seen={"up:1": B}), found={"up:1": B}), (), ()),
        (
            QUIET._replace(base=BASE._replace(seen={"up:1": B}), found={"up:1": C}),
            (),
            ("up:1 moved: sha256:aaaaaaaaaaaa… → sha256:cccccccccccc…",),
        ),
        (QUIET._replace(probe=Q), (), ("its probe says something else",)),
        (QUIET._replace(probe=""), (), ()),
        (
            QUIET._replace(base=BASE._replace(now=BASE.now._replace(probe=""))),
            (),
            ("its probe is new",),
        ),
        (QUIET._replace(base=BASE._replace(now=BASE.now._replace(probe=NEXT))), (), ()),
        (QUIET, ("below",), ("below below it was refreshed",)),
    ],
)
def test_the_rule(night: Night, parents: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """One row a branch."""
    assert due(night, parents) == expected


def test_several_reasons_are_all_told() -> None:
    """In the order in which they were found."""
    night = QUIET._replace(found={"up:1": B}, probe=Q)
    assert len(due(night, ("p",))) == 3
    assert moved(night) == ("up:1",)


NAMES = ("a", "b", "c", "d", "e")
NONE: dict[str, frozenset[str]] = dict.fromkeys(NAMES, frozenset())


@pytest.mark.parametrize(
    ("due_now", "ancestors", "shared", "expected"),
    [
        ("", {"b": "a"}, {}, []),
        ("a", {"b": "a", "c": "ab"}, {}, ["abc"]),
        ("bc", {"b": "a", "c": "a"}, {}, ["b", "c"]),
        ("ab", {}, {}, ["a", "b"]),
        ("ab", {}, {"a": "x", "b": "x"}, ["ab"]),
        ("abd", {"c": "a", "e": "d"}, {"b": "x", "d": "x"}, ["ac", "bde"]),
        ("ad", {"c": "a", "e": "cda"}, {}, ["acde"]),
    ],
)
def test_bases_are_grouped(
    due_now: str, ancestors: dict[str, str], shared: dict[str, str], expected: list[str]
) -> None:
    """By what is built on what, and by upstreams that moved for both."""
    above = {**NONE, **{name: frozenset(below) for name, below in ancestors.items()}}
    ups = {**NONE, **{name: frozenset(each) for name, each in shared.items()}}
    found = groups(NAMES, dict.fromkeys(due_now), above, ups)
    assert sorted("".join(group) for group in found) == sorted(expected)


@given(st.sets(st.sampled_from(NAMES)), st.data())
def test_every_due_base_is_in_one_group(due_now: set[str], data: st.DataObject) -> None:
    """And so is everything that is built on one; nothing else is."""
    above: dict[str, frozenset[str]] = {}
    for place, name in enumerate(NAMES):
        direct = data.draw(st.sets(st.sampled_from(NAMES[:place]))) if place else set()
        above[name] = frozenset(direct.union(*(above[each] for each in direct)))
    found = groups(NAMES, dict.fromkeys(due_now), above, NONE)
    flat = [name for group in found for name in group]
    wanted = [name for name in NAMES if name in due_now or above[name] & due_now]
    assert sorted(flat) == wanted
    assert all(list(group) == sorted(group) for group in found)


LABELS = {"io.doit-layers.key": "1", "x": "y"}
IMAGE = LocalImage(A, A, (), LABELS, 1, ("d",), config={"Env": ["A=b"]})


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (IMAGE._replace(digest=B, names=("n",), size=2), True),
        (IMAGE._replace(labels={"io.doit-layers.key": "2", "x": "y"}), True),
        (IMAGE._replace(labels={"x": "z"}), False),
        (IMAGE._replace(diff_ids=("e",)), False),
        (IMAGE._replace(config={"Env": ["A=c"]}), False),
        (IMAGE._replace(config={"Env": ["A=b"], "Cmd": None, "Volumes": {}}), True),
        (IMAGE._replace(config={"Env": ["A=b"], "User": "app"}), False),
        (IMAGE._replace(config={"Env": ["A=b"], "Healthcheck": {"Test": ["x"]}}), False),
        (IMAGE._replace(config={"Env": ["A=b"], "OnBuild": ["RUN x"]}), False),
    ],
)
def test_same_content_is_files_and_settings(other: LocalImage, same: bool) -> None:
    """Names, sizes and our own labels do not count; an empty setting is none."""
    assert same_content(IMAGE, other) is same
    assert same_content(other, IMAGE) is same


def test_an_image_of_unknown_files_is_never_the_same() -> None:
    """An engine that does not tell diff ids."""
    assert not same_content(IMAGE._replace(diff_ids=()), IMAGE._replace(diff_ids=()))
