"""Candidates: the locks that a refresh tries, and the lock that it ends with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hashes.nothing import NOTHING
from layers.lock.epochs import Base, Epoch, Fixed
from layers.lock.git import GitPin
from layers.lock.lock import Lock
from layers.lock.pin import Pin
from layers.oci.digest import Digest

UNBUILT = Digest("sha256:" + "0" * 64)
"""Stands for the digest of an epoch that is only tried; no lock with it is ever written."""


def with_new_pins(
    lock: Lock,
    pins: Iterable[Pin],
    commits: Iterable[GitPin] = (),
    refs: Mapping[str, Collection[str]] = NOTHING,
) -> Lock:
    """The lock with upstreams moved; every base that knows them stays at what it was built from.

    So a base moves by its own refresh alone, and what nothing refreshes moves at once.  ``refs``:
    the git addresses of each base.
    """
    new = lock.with_pins(each for each in pins if _moves(lock, each)).with_git(commits)
    held = []
    for base in lock.bases.values():
        own = refs.get(base.image, ())
        before = effective(lock, base, own)
        after = effective(new, base, own)
        kept = {name: digest for name, digest in before.items() if after.get(name) != digest}
        if kept:
            held.append(base._replace(pins={**base.pins, **kept}))
    return lock.replaced_by(new.with_bases(held))


def _moves(lock: Lock, pin: Pin) -> bool:
    """A pin whose digest is as before keeps its old entry, time and all."""
    before = lock.find(pin.name, pin.platform)
    return before is None or before.digest != pin.digest


def effective(lock: Lock, base: Base, refs: Iterable[str] = ()) -> dict[str, Fixed]:
    """What counts for a base of each upstream that it was built from, where pinned.

    And of ``refs``, git addresses that an older lock does not name as such.
    """
    own = lock.for_image(base.image, base.place)
    found = {name: own.fixed(name, base.place) for name in (*base.now.upstream, *refs)}
    return {name: fixed for name, fixed in found.items() if fixed is not None}


def tried(lock: Lock, image: str, place: str, number: int, resolved: Iterable[str]) -> Lock:
    """The lock under which an image is built as epoch ``number``.

    Of the ``resolved`` upstreams the shared pins count for it; of one that is gone its own stays.
    """
    old = lock.base(image, place)
    own = dict(old.pins) if old is not None else {}
    for name in resolved:
        own.pop(name, None)
    epoch = Epoch(number, "", UNBUILT, "")
    base = Base(image, place, epoch) if old is None else old.moved_to(epoch)
    return lock.with_bases([base._replace(pins=own, seen={})])


def taken(lock: Lock, image: str, place: str, epoch: Epoch) -> Lock:
    """The lock after a base came out well as ``epoch``; ``lock`` is the one it was `tried` with."""
    base = lock.bases[image, place]
    return lock.with_bases([base._replace(now=epoch)])


def left(lock: Lock, image: str, place: str, found: Mapping[str, Fixed], probe: str) -> Lock:
    """The lock after a base came out with the content that it had: it stays, and what led there is
    no reason any more.
    """
    base = lock.bases[image, place]
    pins = effective(lock, base)
    seen = {name: digest for name, digest in found.items() if digest != pins.get(name)}
    now = base.now._replace(probe=probe) if probe else base.now
    rest = {name: digest for name, digest in base.seen.items() if name not in found}
    return lock.with_bases([base._replace(now=now, seen={**rest, **seen})])
