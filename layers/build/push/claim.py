"""Claims: which of several machines pushes a key, agreed on through one tag of the registry.

A registry has no "put unless it is there": the last writer of a tag wins. So whoever wants to push
first puts a claim under another tag, waits until everybody who saw that tag empty has written, and
goes on only if the claim is still its own (M. Fischer's algorithm; L. Lamport, "A fast mutual
exclusion algorithm", 1987). While the push lasts the claim is renewed; one that stands still for
the lease is of a machine that died. No two clocks are compared: each machine times what it sees.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from layers.oci.artifact import artifact
from layers.oci.digest import Digest

KIND = "application/vnd.doit-layers.claim.v1+json"
PREFIX = "claim-"
OWNER = "io.doit-layers.owner"
BEAT = "io.doit-layers.beat"
_BEATS = 8
_LOOKS = 12


def claim_tag(key: str) -> str:
    """The tag over which the machines that want to push ``key`` agree."""
    return f"{PREFIX}{key}"


def beats(owner: str) -> tuple[bytes, ...]:
    """One machine's claims; to renew is to put the next of them, so that a look sees it move.

    They are few, since a registry keeps all that it ever took.
    """
    return tuple(
        artifact(KIND, annotations={OWNER: owner, BEAT: str(number)}) for number in range(_BEATS)
    )


@dataclass(frozen=True)
class Timing:
    """How long to wait for what, in seconds.

    ``prompt`` < ``settle`` makes two claims never both stand; ``renew`` < ``settle`` makes nobody
    settle while another one pushes; ``lease`` is many renewals.
    """

    prompt: float
    """Longest time from the look that found no claim to the end of the put: else it came late."""
    settle: float
    """How long a prompt claim has to stand."""
    renew: float
    """Between two renewals."""
    lease: float
    """How long somebody else's claim, or a late one of our own, has to stand still."""
    poll: float
    """Between two looks."""
    patience: float = 3600.0
    """After this long somebody's push hangs, and an error says so."""


FAR = Timing(prompt=1.2, settle=2.0, renew=1.0, lease=20.0, poll=1.0)
"""For a registry in a network."""
NEAR = Timing(prompt=0.2, settle=0.35, renew=0.2, lease=20.0, poll=0.2)
"""For one on this machine.  Beside a machine that keeps to `FAR` it is as safe: renewals come
several times while that one settles."""
NEAREST = 0.05
"""Seconds; a loopback address that takes longer to answer is a tunnel to somewhere else."""


@dataclass(frozen=True)
class Look:
    """What one look at the registry showed, between two times of our own clock."""

    began: float
    ended: float
    image: Digest | None
    """What the key's tag points at."""
    claim: Digest | None


@dataclass(frozen=True)
class Adopt:
    """The key is there."""

    image: Digest


@dataclass(frozen=True)
class Wait:
    """Look again after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Put:
    """Put a claim, then tell `Contest.put`."""


@dataclass(frozen=True)
class Send:
    """The key is ours to push."""


@dataclass(frozen=True)
class GiveUp:
    """Somebody has renewed the claim for longer than any push lasts."""


Move = Adopt | Wait | Put | Send | GiveUp


@dataclass(frozen=True)
class Contest:
    """What one machine knows of the contest for one key; a value, each look gives the next."""

    mine: frozenset[Digest]
    timing: Timing
    broken: Digest | None = None
    """An image under the key of which parts are lost: it counts as not there."""
    dead: frozenset[Digest] = frozenset()
    """Claims of a process of our own that was killed: nobody's."""
    until: float | None = None
    """When our claim has stood for long enough; None: we have none."""
    late: bool = False
    stood: int = 0
    """In how many looks a late claim was ours, one after the other."""
    renewed: float = 0.0
    """When our last put was done."""
    watched: Digest | None = None
    """Somebody else's claim, and since when it has stood still."""
    since: float = 0.0
    began: float | None = None

    def looked(self, look: Look) -> tuple[Contest, Move]:
        """What to do after a look."""
        if look.image is not None and look.image != self.broken:
            return self, Adopt(look.image)
        if self.until is not None and look.claim in self.mine:
            return replace(self, stood=self.stood + 1), self._standing(look, self.until)
        now = replace(
            self,
            until=None,
            late=False,
            stood=0,
            began=look.began if self.began is None else self.began,
        )
        if look.claim is None or look.claim in self.dead:
            return now, Put()
        if look.claim != now.watched:
            now = replace(now, watched=look.claim, since=look.ended)
        elif look.began - now.since >= now.timing.lease:
            return now, Put()
        if now.began is not None and look.ended - now.began > now.timing.patience:
            return now, GiveUp()
        return now, Wait(now.timing.poll)

    def put(self, read: float, done: float, sure: bool = True) -> tuple[Contest, Wait]:
        """After a claim was put: ``read`` is when the look before it began.

        A late one may have gone over a claim that somebody settled on in between.  That machine
        renews its own, so that ours, renewed as well, is seen at each of many looks and for a
        whole lease only where there is none.  One that is not ``sure``, since the registry failed,
        may be there or come at any time: that is a late one.
        """
        times = self.timing
        late = self.late or not sure or done - read > times.prompt
        until = done + (times.lease if late else times.settle)
        if self.late and self.until is not None:
            until = max(self.until, done + times.settle)
        now = replace(self, until=until, late=late, renewed=done, watched=None)
        return now, Wait(times.settle if until - done <= times.settle else times.poll)

    def _standing(self, look: Look, until: float) -> Move:
        if look.ended - self.renewed > self.timing.lease / 3:
            return Put()  # before somebody takes us for dead
        if self.late and (self.stood + 1 < _LOOKS or until - look.ended > self.timing.settle):
            return Put()  # it has to be seen to move, as while we push
        if look.began >= until:
            return Send()
        return Wait(max(until - look.ended, 0.001))
