"""Locking: upstreams of a graph, asked for at a registry, and the lock that comes of it."""

from __future__ import annotations

import pytest

from layers.graph.graph import Edge, make_graph, upstreams
from layers.lock.epochs import Base, Epoch
from layers.lock.lock import Lock
from layers.lock.pin import Pin, Upstream
from layers.lock.update import Moved, merge
from layers.oci.digest import Digest
from layers.oci.reference import Reference


def pin(name: str, digit: str, locked: str = "") -> Pin:
    digest = Digest("sha256:" + digit * 64)
    return Pin(Reference.parse(name), "linux/amd64", digest, locked=locked)


def test_the_upstreams_of_all_images_are_asked_for_once() -> None:
    """Our own images are not among them; those named by digest are, for their triggers' sake."""
    graph = make_graph(
        {
            "base": (Edge("node:18", 1, None, "node:18"),),
            "app": (
                Edge("base", 1, "base"),
                Edge("node:18", 2, None, "node:18"),
                Edge("x", 3, None, "x@sha256:" + "0" * 64),
                Edge("go", 4, None, "mirror.example.com/go:1", "linux/arm64"),
            ),
        }
    )
    assert upstreams(graph, "linux/amd64") == (
        Upstream("mirror.example.com/go:1", "linux/arm64"),
        Upstream("node:18", "linux/amd64"),
        Upstream("x@sha256:" + "0" * 64, "linux/amd64"),
    )


def test_locking_twice_is_one_lock() -> None:
    """The same digest keeps its entry to the letter, the time that it was asked at included."""
    old = Lock.of([pin("node:18", "a", "2026-01-01T00:00:00Z")])
    new, moved = merge(old, [pin("node:18", "a", "2026-02-02T00:00:00Z")], drop_others=True)
    assert new.text() == old.text()
    assert moved == ()


@pytest.mark.parametrize("drop", [True, False])
def test_locking_leaves_bases_alone_and_remembers_the_pins_that_they_need(drop: bool) -> None:
    """A base that may go back to a digest finds it, though the shared pin moved or went."""
    first = pin("node:18", "a")
    epoch = Epoch(1, "xxh3-" + "0" * 32, first.digest, "", upstream={"node:18": first.digest})
    base = Base("base-node", "linux/amd64", epoch)
    old = Lock.of([first], bases=[base])
    new, _ = merge(old, [pin("node:18", "c")] if not drop else [], drop_others=drop)
    assert new.base("base-node", "linux/amd64") == base
    assert new.known("node:18", "linux/amd64", first.digest) == first


@pytest.mark.parametrize("drop", [True, False])
def test_a_lock_tells_what_moved(drop: bool) -> None:
    """Old and new digests of what changed; what nobody uses goes only when all were asked."""
    old = Lock.of([pin("node:18", "a"), pin("gone:1", "b")])
    new, moved = merge(old, [pin("node:18", "c"), pin("new:1", "d")], drop_others=drop)
    names = {p.name.familiar() for p in new.pins.values()}
    assert names == {"node:18", "new:1"} | (set() if drop else {"gone:1"})
    assert Moved("node:18", "linux/amd64", "sha256:" + "a" * 64, "sha256:" + "c" * 64) in moved
    assert Moved("new:1", "linux/amd64", "", "sha256:" + "d" * 64) in moved
    assert (Moved("gone:1", "linux/amd64", "sha256:" + "b" * 64, "") in moved) == drop
