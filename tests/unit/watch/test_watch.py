"""Watching: what makes an image again, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Collection

from layers.watch.look import Look
from layers.watch.watch import watch


class Watched:
    """A checkout in memory: its state, and who is watching since when."""

    def __init__(self, *moves: Callable[[Watched], None]) -> None:
        self.state = "k1"
        self.fault = ""
        self.places = frozenset({"/p"})
        self.made: list[str] = []
        self.told: list[str] = []
        self.status = 0
        self.while_made: list[Callable[[Watched], None]] = []
        self.watching: frozenset[str] | None = None
        self._moves = list(moves)
        self._ended = False

    def look(self) -> Look:
        return Look("" if self.fault else self.state, self.fault, self.places)

    def watcher(self, places: Collection[str]) -> Watched:
        assert self.watching is None, "two watchers at once"
        self.watching = frozenset(places)
        return self

    def wait(self, busy: Callable[[], bool]) -> frozenset[str]:
        if not self._moves:
            self._ended = True
            return frozenset()
        self._moves.pop(0)(self)
        return frozenset({"/p/app/a.py"})

    def close(self) -> None:
        self.watching = None

    def make(self) -> int:
        self.made.append(self.state)
        if self.while_made:
            self.while_made.pop(0)(self)
        return self.status

    def stopped(self) -> bool:
        return self._ended

    def tell(self, text: str) -> None:
        self.told.append(text)


def becomes(state: str) -> Callable[[Watched], None]:
    """An edit of an input of the key."""

    def move(world: Watched) -> None:
        world.state, world.fault = state, ""

    return move


def breaks(fault: str) -> Callable[[Watched], None]:
    """An edit that leaves no key."""

    def move(world: Watched) -> None:
        world.fault, world.places = fault, frozenset({"/p"})

    return move


def nothing(_: Watched) -> None:
    """A change outside of the key."""


def run(world: Watched) -> Watched:
    """Watch until there are no more edits."""
    assert watch("app", world, lambda: False) == 130
    assert world.watching is None, "a watcher was left behind"
    return world


def test_an_image_is_made_at_first_and_after_each_change_of_its_key() -> None:
    """What is outside of the key makes nothing, and says nothing."""
    world = run(Watched(nothing, becomes("k2"), nothing))
    assert world.made == ["k1", "k2"]
    assert world.told == [
        "app: watching 1 folder; Ctrl-C ends it",
        "app: what it is made from changed",
        "app: watching 1 folder; Ctrl-C ends it",
    ]


def test_a_fault_is_told_once_and_watching_goes_on() -> None:
    """Its remedy makes the image, or says that it is as before."""
    world = run(Watched(breaks("line 3: no"), nothing, becomes("k2")))
    assert world.made == ["k1", "k2"]
    assert world.told.count("line 3: no\napp: not made; watching goes on") == 1
    world = run(Watched(breaks("line 3: no"), becomes("k1")))
    assert world.made == ["k1"]
    assert world.told[-1] == "app: as it was made last"


def test_a_fault_at_the_start_is_waited_for() -> None:
    """Nothing was made yet."""
    world = Watched(becomes("k1"))
    world.fault = "line 3: no"
    assert run(world).made == ["k1"]


def test_a_change_while_it_is_made_makes_it_again() -> None:
    """Without waiting for another change."""
    world = Watched()
    world.while_made = [becomes("k2"), nothing]
    assert run(world).made == ["k1", "k2"]
    assert "app: what it is made from changed" in world.told


def test_a_build_that_fails_is_tried_again_when_an_input_changes() -> None:
    """And not before."""
    world = Watched(nothing, becomes("k2"))
    world.status = 1
    assert run(world).made == ["k1", "k2"]
    assert "not made; a change of its inputs tries it again" in world.told[0]


def test_a_build_that_was_interrupted_ends_watching() -> None:
    """As somebody meant it."""
    world = Watched(becomes("k2"))
    world.status = 130
    assert run(world).made == ["k1"]


def test_folders_are_watched_from_before_the_look_that_counts() -> None:
    """A new folder is looked at again once it is watched; with a fault old ones stay watched."""
    seen: list[tuple[frozenset[str] | None, str]] = []

    class Noted(Watched):
        def look(self) -> Look:
            seen.append((self.watching, self.state))
            return super().look()

    def grows(world: Watched) -> None:
        world.places, world.state = frozenset({"/p", "/p/new"}), "k2"

    world = run(Noted(grows, breaks("no")))
    assert world.made == ["k1", "k2"]
    one, two = frozenset({"/p"}), frozenset({"/p", "/p/new"})
    assert [places for places, _ in seen] == [None, one, one, one, two, two, two]
