"""Leases: holds a key in the registry while it is pushed, so that one machine alone does."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from layers.build.push.claim import (
    FAR,
    NEAR,
    NEAREST,
    Adopt,
    Contest,
    GiveUp,
    Look,
    Put,
    Timing,
    Wait,
    beats,
)
from layers.oci.artifact import EMPTY, MANIFEST_TYPE, digest_of
from layers.oci.digest import Digest
from layers.oci.reference import Reference, is_loopback
from layers.registry.registry import (
    Registry,
    RegistryDown,
    RegistryError,
    RegistryRefused,
    RegistryRejected,
    RepositoryUnknown,
)
from layers.runtime import signals

_TRIES = 3
"""Puts that may fail one after the other; the registry's client repeats each of them by itself."""


class Contested(NamedTuple):
    """A key that several machines may want to push."""

    repository: str
    tag: str
    """The key's."""
    claim: str
    """The tag over which they agree."""

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


@contextlib.contextmanager
def claimed(
    registry: Registry,
    what: Contested,
    broken: Digest | None = None,
    waits: Callable[[], None] = lambda: None,
    owner: str | None = None,
    dead: str | None = None,
    timing: Timing | None = None,
    lapses: Callable[[str], None] = lambda _: None,
) -> Iterator[Digest | None]:
    """Hold a key for as long as the body pushes it; gives None then.

    Or the digest of the image that somebody else pushed meanwhile: nothing is to be pushed.
    ``broken`` is an image that counts as not there; ``waits`` is called when somebody else holds
    the key, and ``lapses`` once, with what that means, when ours cannot be renewed. ``owner`` names
    us, ``dead`` a process of ours that was killed (`claimant`). A registry that says that it takes
    no claims is pushed to without one; where claims fail for any other reason nothing is to be
    pushed. Raises RegistryError.
    """
    claim = _Claim(registry, what, owner)
    forget = signals.at_farewell(claim.release)
    try:
        gone = frozenset(map(digest_of, beats(dead))) if dead else frozenset()
        theirs = _win(claim, broken, waits, timing, gone)
        if theirs is None:
            with claim.renewed(lapses):
                yield None
        else:
            yield theirs
    finally:
        forget()
        claim.release()


def _win(
    claim: _Claim,
    broken: Digest | None,
    waits: Callable[[], None],
    timing: Timing | None,
    dead: frozenset[Digest],
) -> Digest | None:
    """The image to adopt; None when the key is ours."""
    look = claim.look()
    claim.timing = timing or _timing(claim.what.repository, look)
    contest = Contest(frozenset(claim.digests), claim.timing, broken, dead)
    told, failed = False, 0
    while True:
        contest, move = contest.looked(look)
        if isinstance(move, Put):
            try:
                if claim.prepare():
                    look = claim.look()  # some round trips later: the put must come promptly
                    continue
                claim.put()
                failed = 0
            except (RegistryDown, RepositoryUnknown):
                raise
            except (RegistryRefused, RegistryRejected):
                claim.refused = True  # no right to, or tags that never move: `Adopt` is left to us
                found = claim.look().image
                return found if found != broken else None
            except RegistryError as error:
                failed += 1
                if failed == _TRIES:
                    raise RegistryError(
                        f"{claim.what} is not pushed, since it cannot be claimed: {error}",
                        hint=error.hint,
                    ) from error
            contest, move = contest.put(look.began, time.monotonic(), sure=not failed)
        if isinstance(move, Adopt):
            return move.image
        if isinstance(move, GiveUp):
            raise RegistryError(
                f"{claim.what} is being pushed by another machine for an hour",
                hint=f"if that machine is gone, delete the tag {claim.what.claim} in the registry",
            )
        if not isinstance(move, Wait):
            return None
        if contest.watched is not None and not told:
            told = True
            waits()
        time.sleep(move.seconds)
        look = claim.look()


def _timing(repository: str, look: Look) -> Timing:
    near = is_loopback(Reference.parse(repository).registry) and look.ended - look.began < NEAREST
    return NEAR if near else FAR


class _Claim:
    """Our claim on one key, there or not."""

    def __init__(self, registry: Registry, what: Contested, owner: str | None) -> None:
        self.what = what
        self.timing = FAR
        self.refused = False
        self._registry = registry
        self._beats: Sequence[bytes] = beats(owner or os.urandom(8).hex())
        self.digests = tuple(map(digest_of, self._beats))
        self._next = 0
        self._prepared = False
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def look(self) -> Look:
        """What the key's tag and the claim's point at."""
        image, claim = (
            (self.what.repository, self.what.tag),
            (self.what.repository, self.what.claim),
        )
        began = time.monotonic()
        found = self._registry.heads([image, claim])
        return Look(began, time.monotonic(), found.get(image), found.get(claim))

    def prepare(self) -> bool:
        """Put what a claim's manifest names; False when that was done before."""
        if self._prepared:
            return False
        self._registry.put_blob(self.what.repository, EMPTY)
        self._prepared = True
        return True

    def put(self) -> None:
        """Put the claim, or renew it; after a failure `prepare` is to do again."""
        with self._lock:
            if self._ended.is_set():
                return
            content = self._beats[self._next % len(self._beats)]
            self._next += 1
            self._prepared = False
            self._registry.put_manifest(
                self.what.repository, self.what.claim, content, MANIFEST_TYPE
            )
            self._prepared = True

    @contextlib.contextmanager
    def renewed(self, lapses: Callable[[str], None]) -> Iterator[None]:
        """Renew the claim now and again while the body runs; ``lapses``: see `claimed`."""
        if self.refused:
            yield
            return
        thread = threading.Thread(target=self._renew, args=(lapses,), name="claim", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _renew(self, lapses: Callable[[str], None]) -> None:
        told = False
        while not self._ended.wait(self.timing.renew):
            try:
                self.put()
            except RegistryError as error:
                if not told and not self._ended.is_set():
                    told = True
                    lapses(
                        f"the claim on {self.what} could not be renewed: {error}\n"
                        f"  after {self.timing.lease:g} s another machine may take this push for"
                        " dead and push the key as well; of the two images, of equal inputs, the"
                        " later one stays"
                    )

    def release(self) -> None:
        """Take back what was put; where a registry deletes nothing, it stays and does no harm."""
        self._ended.set()
        with self._lock:
            for digest in self.digests[: self._next]:
                with contextlib.suppress(RegistryError):
                    if not self._registry.delete(self.what.repository, digest):
                        break
            self._next = 0


_BOOT = "/proc/sys/kernel/random/boot_id"


@contextlib.contextmanager
def claimant(path: str) -> Iterator[tuple[str, str | None]]:
    """A new name for us, and that of a process of this checkout that was killed while it claimed.

    Whoever enters holds the lock on what is claimed, so that another process of this checkout
    that still claims it cannot be.  The file at ``path`` tells its own inode and the machine's
    boot: a copy, as a CI cache makes one, names nobody.
    """
    owner = os.urandom(8).hex()
    dead = _read(path)
    with contextlib.suppress(OSError):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            json.dump({"owner": owner, "place": _place(file.fileno())}, file)
    yield owner, dead
    with contextlib.suppress(OSError):
        os.unlink(path)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            value = json.load(file)
            return str(value["owner"]) if value["place"] == _place(file.fileno()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _place(file: int) -> list[int | str]:
    """What no copy of a file has in common with it."""
    with open(_BOOT, encoding="ascii") as boot:
        about = os.fstat(file)
        return [about.st_dev, about.st_ino, boot.read().strip()]
