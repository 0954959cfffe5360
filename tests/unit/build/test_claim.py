"""Claims: one machine pushes a key, whoever else wants to, however slow requests are."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.build.push.claim import (
    FAR,
    NEAR,
    Adopt,
    Contest,
    GiveUp,
    Look,
    Move,
    Put,
    Send,
    Timing,
    Wait,
    beats,
    claim_tag,
)
from layers.oci.artifact import digest_of
from layers.oci.digest import Digest

MINE, THEIRS, OTHER, IMAGE, BROKEN = (digest_of(name.encode()) for name in "motib")
TIMING = Timing(prompt=1, settle=2, renew=0.5, lease=20, poll=1, patience=100)


def contest(**more: object) -> Contest:
    return replace(Contest(frozenset({MINE}), TIMING), **more)  # type: ignore[arg-type]  # a table's


def look(at: float, claim: Digest | None = None, image: Digest | None = None) -> Look:
    return Look(at, at, image, claim)


SETTLING = contest(until=12.0, renewed=10.0, began=9.0)
WATCHING = contest(watched=THEIRS, since=10.0, began=9.0)


@pytest.mark.parametrize(
    ("before", "seen", "move"),
    [
        pytest.param(contest(), look(10), Put(), id="nobody claims: put"),
        pytest.param(contest(), look(10, image=IMAGE), Adopt(IMAGE), id="there: adopt"),
        pytest.param(SETTLING, look(13, MINE, IMAGE), Adopt(IMAGE), id="there after all: adopt"),
        pytest.param(contest(broken=BROKEN), look(10, image=BROKEN), Put(), id="broken: not there"),
        pytest.param(
            contest(broken=BROKEN), look(10, image=IMAGE), Adopt(IMAGE), id="repaired: adopt"
        ),
        pytest.param(contest(), look(10, THEIRS), Wait(1), id="somebody claims: wait"),
        pytest.param(SETTLING, look(11.5, MINE), Wait(0.5), id="not settled yet: wait"),
        pytest.param(SETTLING, look(12, MINE), Send(), id="settled: send"),
        pytest.param(SETTLING, look(17, MINE), Put(), id="settled long ago: put again"),
        pytest.param(SETTLING, look(12, THEIRS), Wait(1), id="lost to another: wait"),
        pytest.param(SETTLING, look(12), Put(), id="the claim was taken away: put again"),
        pytest.param(WATCHING, look(29.9, THEIRS), Wait(1), id="within the lease: wait"),
        pytest.param(WATCHING, look(30, THEIRS), Put(), id="stood still for the lease: take over"),
        pytest.param(WATCHING, look(30, OTHER), Wait(1), id="it moved: somebody lives"),
        pytest.param(WATCHING, look(30), Put(), id="taken back: put"),
        pytest.param(
            contest(dead=frozenset({OTHER})), look(10, OTHER), Put(), id="our own dead: put"
        ),
        pytest.param(WATCHING, look(110, OTHER), GiveUp(), id="renewed for too long: give up"),
    ],
)
def test_a_look_tells_what_to_do(before: Contest, seen: Look, move: Move) -> None:
    """Every branch of the contest."""
    assert before.looked(seen)[1] == move


def test_a_claim_that_moves_starts_the_lease_again() -> None:
    """Only the time since the last move that we saw counts."""
    now, _ = WATCHING.looked(look(29, OTHER))
    assert now.looked(look(48.9, OTHER))[1] == Wait(1)
    assert now.looked(look(49, OTHER))[1] == Put()


def test_a_prompt_claim_settles_soon_and_a_late_one_stands_for_the_lease() -> None:
    """A late one may have gone over a claim on which somebody else settled; it is renewed."""
    prompt, _ = contest().put(10.0, 11.0)
    late, _ = contest().put(10.0, 11.1)
    assert (prompt.until, round(late.until or 0, 3)) == (13.0, 31.1)
    assert prompt.looked(look(13, MINE))[1] == Send()
    assert late.looked(look(13, MINE))[1] == Put()
    renewed, _ = late.put(13.0, 14.5)
    assert renewed.until == late.until
    assert renewed.looked(look(31.2, MINE))[1] == Put()
    last, _ = replace(renewed, stood=11).put(30.0, 30.25)
    assert last.looked(look(31.5, MINE))[1] == Wait(0.75)
    assert last.looked(look(32.25, MINE))[1] == Send()
    assert last.looked(look(32.25, THEIRS))[1] == Wait(1)


def test_beats_are_few_and_nobody_elses() -> None:
    """A renewal is another manifest than the one before; two machines have none in common."""
    ours, theirs = set(map(digest_of, beats("a"))), set(map(digest_of, beats("b")))
    assert len(ours) == len(theirs) == 8
    assert not ours & theirs
    assert ours == set(map(digest_of, beats("a")))


def test_the_claims_tag_is_no_key() -> None:
    """It fits a tag, for the longest kind of key too."""
    assert claim_tag("xxh3-" + "0" * 32) == "claim-xxh3-" + "0" * 32
    assert len(claim_tag("blake3-" + "0" * 64)) <= 128


@pytest.mark.parametrize("timing", [NEAR, FAR])
def test_the_times_keep_what_the_rule_needs(timing: Timing) -> None:
    """See `Timing`."""
    assert timing.prompt < timing.settle
    assert timing.renew < timing.settle
    assert timing.lease >= 10 * timing.renew
    assert timing.prompt < FAR.settle - NEAR.settle  # a near machine beside a far one


# -- the law, by simulation --------------------------------------------------------------------


@dataclass
class World:
    """A registry of two tags, and machines whose requests take any time; time is simulated."""

    luck: random.Random
    stalls: float
    """How many of all requests take long."""
    fails: float = 0.0
    """How many of the puts end in an error; a third of those are done, a third later."""
    image: Digest | None = None
    claim: Digest | None = None
    now: float = 0.0
    pushes: list[tuple[float, Digest]] = field(default_factory=list)
    adopted: dict[int, Digest] = field(default_factory=dict)
    todo: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def delay(self) -> float:
        """How long a request takes: mostly short, sometimes up to a third of the lease."""
        if self.luck.random() < self.stalls:
            return self.luck.uniform(0.1, 7.0)
        return self.luck.uniform(0.001, 0.4)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.todo, (when, len(self.todo) + self.luck.getrandbits(40), action))

    def put(self, claim: Digest) -> bool:
        """Put a claim; False for an error, after which nobody knows whether it is there."""
        if self.luck.random() >= self.fails:
            self.claim = claim
            return True
        fate = self.luck.random() * 3
        if fate < 1:
            self.claim = claim
        elif fate < 2:
            self.at(self.now + self.luck.uniform(0.0, 7.0), lambda: self.lands(claim))
        return False

    def lands(self, claim: Digest) -> None:
        """What a proxy had answered for comes to the registry after all."""
        self.claim = claim

    def run(self) -> None:
        while self.todo:
            self.now, _, action = heapq.heappop(self.todo)
            assert self.now < 10_000, "nobody gets anywhere"
            action()


Turns = Generator[float, None, None]


def machine(world: World, number: int, timing: Timing, dies: bool) -> Turns:
    """One machine that wants to push; yields how long it is busy with what it does."""
    digests = tuple(map(digest_of, beats(f"{world.luck.random()}")))
    ours = digest_of(f"image {number}".encode())
    state = Contest(frozenset(digests), timing)
    beat = 0
    while True:
        began = world.now
        yield world.delay()
        claim = world.claim  # each tag at another moment of the look
        yield world.delay() / 4
        seen = Look(began, 0.0, world.image, claim)
        yield world.delay() / 4
        state, move = state.looked(replace(seen, ended=world.now))
        if isinstance(move, Put):
            yield world.delay()
            sure, beat = world.put(digests[beat % len(digests)]), beat + 1
            yield world.delay() / 4
            state, move = state.put(seen.began, world.now, sure)
        if isinstance(move, Adopt):
            world.adopted[number] = move.image
            return
        if isinstance(move, Wait):
            yield move.seconds
        elif isinstance(move, Send):
            end = world.now + world.luck.uniform(0.1, 60.0)
            dead = world.now + world.luck.uniform(0.0, 60.0) if dies else end + 1
            while world.now < min(end, dead):
                yield min(timing.renew + world.delay(), max(end - world.now, 0.001))
                if world.now < min(end, dead):
                    world.claim, beat = digests[beat % len(digests)], beat + 1
            if dead < end:
                return
            world.pushes.append((world.now, ours))
            world.image = ours
            world.adopted[number] = ours
            yield world.delay()
            if world.claim in digests:
                world.claim = None
            return


def play(
    seed: int,
    count: int,
    timings: tuple[Timing, ...],
    stalls: float,
    deaths: int,
    fails: float = 0.0,
) -> World:
    """Let some machines begin at about the same time; the first ``deaths`` die when they push."""
    world = World(random.Random(seed), stalls, fails)

    def turn(turns: Turns) -> None:
        busy = next(turns, None)
        if busy is not None:
            world.at(world.now + busy, lambda: turn(turns))

    for number in range(count):
        turns = machine(world, number, timings[number % len(timings)], number < deaths)
        world.at(world.luck.uniform(0, 2), lambda turns=turns: turn(turns))  # type: ignore[misc]  # mypy: a default in a lambda
    world.run()
    return world


def law(world: World, count: int, deaths: int) -> None:
    """One digest was ever put, and all that lived use it."""
    assert len(world.pushes) <= 1, f"put over: {world.pushes}"
    assert len(set(world.adopted.values())) <= 1
    assert len(world.adopted) >= count - deaths


SIMULATED = Timing(prompt=0.8, settle=1.4, renew=0.5, lease=20.0, poll=1.0)
games = st.tuples(st.integers(0, 2**32), st.integers(1, 8), st.sampled_from([0.0, 0.02, 0.2]))


@settings(max_examples=300, deadline=None)
@given(games, st.integers(0, 2))
def test_one_digest_is_put_and_all_use_it(game: tuple[int, int, float], deaths: int) -> None:
    """Any number of machines, slow requests, machines that die while they push."""
    seed, count, stalls = game
    law(play(seed, count, (SIMULATED,), stalls, deaths), count, deaths)


@settings(max_examples=300, deadline=None)
@given(games, st.sampled_from([0.1, 0.5]))
def test_puts_that_fail_break_nothing(game: tuple[int, int, float], fails: float) -> None:
    """Whether they are done, never, or long after the error."""
    seed, count, stalls = game
    law(play(seed, count, (SIMULATED,), stalls, 0, fails), count, 0)


def test_many_machines_and_many_games() -> None:
    """Twenty at once, as in a matrix build; the same with machines of two kinds."""
    for seed in range(60):
        law(play(seed, 20, (SIMULATED,), 0.05, 1), 20, 1)
        law(play(seed, 20, (NEAR, FAR), 0.01, 0), 20, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(replace(SIMULATED, settle=0.0, prompt=1e9), id="no wait"),
        pytest.param(replace(SIMULATED, prompt=1e9), id="late claims are believed"),
        pytest.param(replace(SIMULATED, lease=5.0), id="a lease that a slow renewal outlasts"),
    ],
)
def test_a_broken_rule_breaks_the_law(wrong: Timing) -> None:
    """The law can fail: each part of the rule is needed."""

    def games() -> None:
        for seed in range(2000):
            law(play(seed, 6, (wrong,), 0.2, 0), 6, 0)

    with pytest.raises(AssertionError, match="put over"):
        games()
