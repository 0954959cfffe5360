"""The lock: upstream images by digest, and the epochs of bases; ``images.lock``, committed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from hashes.dockerfile.git import is_git
from hashes.errors import LayersError
from hashes.nothing import NOTHING
from layers.config.faults import Faults, LockError
from layers.config.toml import Path, TomlError, read
from layers.lock.epochs import Base, Fixed, base_shape, base_table, is_digest, read_base
from layers.lock.git import Commit, GitPin, git_table, name_of, read_git, shape
from layers.lock.pin import Pin, Upstream, pin_table, read_pins, read_reference
from layers.oci.digest import Digest
from layers.oci.reference import Reference

LOCK_FILE = "images.lock"

__all__ = ["Lock", "LockError"]

VERSION = 1
_HEADER = """\
# Which upstream images builds use, by digest, and what of their configuration enters keys.
# `doit lock` and `doit refresh` write this file; commit it.
"""
_CONFLICT = r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)"


class Lock(NamedTuple):
    """All pins, in the order of the file: by name, then platform; and all bases."""

    pins: Mapping[tuple[Reference, str], Pin] = NOTHING
    path: str = "images.lock"
    bases: Mapping[tuple[str, str], Base] = NOTHING
    """By image and `bases.place`, in that order."""
    past: Mapping[tuple[Reference, str, Digest], Pin] = NOTHING
    """Pins that were replaced, as far as a base may go back to them."""
    git: Mapping[str, GitPin] = NOTHING
    """By `layers.lock.git.name_of`, in that order."""

    @classmethod
    def of(
        cls,
        pins: Iterable[Pin],
        path: str = "images.lock",
        bases: Iterable[Base] = (),
        past: Iterable[Pin] = (),
        git: Iterable[GitPin] = (),
    ) -> Lock:
        """A lock of these; of two for the same image and platform the later one counts."""
        found = {(pin.name, pin.platform): pin for pin in pins}
        order = sorted(found, key=lambda key: (key[0].familiar(), key[1]))
        places = {(each.image, each.place): each for each in bases}
        before = {(pin.name, pin.platform, pin.digest): pin for pin in past}
        former = sorted(before, key=lambda key: (key[0].familiar(), key[1], key[2]))
        return cls(
            {key: found[key] for key in order},
            path,
            {key: places[key] for key in sorted(places)},
            {key: before[key] for key in former},
            {each.address: each for each in sorted(git)},
        )

    @classmethod
    def parse(cls, text: str, path: str = "images.lock") -> Lock:
        """Read the file back; the exact inverse of `text`.  Raises one LockError for all faults."""
        _refuse_conflict(text, path)
        faults = Faults(text, path)
        try:
            data = read(text, path)
        except TomlError as error:
            raise LockError([error]) from None
        version = data.get("version")
        if type(version) is not int or version != VERSION:
            hint = "write it anew with `doit lock`, or update doit-layers if a newer one wrote it"
            said = f"unknown version {version!r}" if "version" in data else "'version' is missing"
            faults.add(("version",), said, hint)
            faults.raise_as(LockError)
        checked = _shape().check(data, (), faults)
        pins = list(read_pins(checked.get("upstream", {}), "upstream", faults))
        past = [
            pin
            for name, platforms in checked.get("past", {}).items()
            for platform, digests in platforms.items()
            for digest, table in digests.items()
            for pin in read_pins(
                {name: {platform: {**table, "digest": digest}}}, "past", faults, (digest,)
            )
        ]
        _check_names(checked.get("base", {}), faults)
        faults.raise_as(LockError)
        found = [
            read_base(image, place, table)
            for image, places in checked.get("base", {}).items()
            for place, table in places.items()
        ]
        return cls.of(pins, path, found, past, read_git(checked.get("git", {})))

    def text(self) -> str:
        """The file: sorted, one value a line, the same for equal locks."""
        import tomli_w  # only who writes needs it

        tables: dict[str, Any] = {"version": VERSION, "upstream": {}, "base": {}, "past": {}}
        sorted_ = self._with()
        for pin in sorted_.pins.values():
            platforms = tables["upstream"].setdefault(pin.name.familiar(), {})
            platforms[pin.platform] = pin_table(pin, digest=str(pin.digest))
        for each in sorted_.bases.values():
            tables["base"].setdefault(each.image, {})[each.place] = base_table(each)
        for pin in sorted_.past.values():
            platforms = tables["past"].setdefault(pin.name.familiar(), {})
            platforms.setdefault(pin.platform, {})[str(pin.digest)] = pin_table(pin)
        tables["git"] = {name: git_table(each) for name, each in sorted_.git.items()}
        return _HEADER + tomli_w.dumps({name: each for name, each in tables.items() if each})

    def find(self, name: str | Reference, platform: str) -> Pin | None:
        """The pin of an upstream image, by any spelling of its name; None: it is unpinned.

        Raises BadReference for a text that is no name.
        """
        reference = Reference.parse(name) if isinstance(name, str) else name
        return self.pins.get((reference, platform))

    def pins_of(self, wanted: Iterable[Upstream]) -> tuple[Pin, ...]:
        """The pins of some upstreams, sorted; those that are unpinned are left out."""
        found = (self.find(each.name, each.platform) for each in sorted(set(wanted)))
        return tuple(pin for pin in found if pin is not None)

    def with_pins(self, pins: Iterable[Pin]) -> Lock:
        """The same lock with these pins added, or put in place of what they name."""
        return self._with(pins=pins)

    def commit(self, address: str) -> str:
        """The commit of a git address whose branch or tag is locked; "": it is not."""
        found = self.git.get(name_of(address)) if self.git else None
        return found.commit if found is not None else ""

    def with_git(self, pins: Iterable[GitPin]) -> Lock:
        """The same lock with these commits added, or put in place; what stays keeps its time."""
        known = {**self.git}
        for pin in pins:
            before = known.get(pin.address)
            known[pin.address] = before if before and before.commit == pin.commit else pin
        return self._replace(git=dict(sorted(known.items())))

    # -- bases -------------------------------------------------------------------------------

    def base(self, image: str, place: str) -> Base | None:
        """What is known of a base at a `bases.place`; None: it was never refreshed."""
        return self.bases.get((image, place))

    def with_bases(self, changed: Iterable[Base]) -> Lock:
        """The same lock with these bases added, or put in place of what they name."""
        return self._with(changed=changed)

    def for_image(self, image: str, place: str) -> Lock:
        """The lock as it counts for one image: with the pins that this base has of its own."""
        found = self.bases.get((image, place))
        if found is None or not found.pins:
            return self
        own, commits = [], []
        for name, fixed in found.pins.items():
            if isinstance(fixed, Commit):
                commits.append(GitPin(name, fixed.text))
            elif (pin := self.known(name, place, fixed)) is not None:
                own.append(pin)
        return self._with(pins=own).with_git(commits)

    def fixed(self, name: str, place: str) -> Fixed | None:
        """What a base's upstream is held at, by what the base at ``place`` calls it; None: by
        nothing.
        """
        if is_git(name):
            return Commit(self.git[name].commit) if name in self.git else None
        found = self.pins.get(_named(name, place.partition(" ")[0]))
        return found.digest if found is not None else None

    def expected(self, key: object) -> Digest | None:
        """The digest that a refresh had for a key of a base; None: the lock does not say."""
        for each in self.bases.values():
            for epoch in (each.now, *each.earlier):
                if epoch.key == str(key):
                    return epoch.digest
        return None

    def replaced_by(self, new: Lock) -> Lock:
        """``new``, which remembers of this lock's pins those that a base may go back to."""
        wanted = {
            (*_named(name, each.place.partition(" ")[0]), digest)
            for each in new.bases.values()
            for digests in (each.pins, each.now.upstream, *(e.upstream for e in each.earlier))
            for name, digest in digests.items()
            if isinstance(digest, Digest)
        }
        known = {(p.name, p.platform, p.digest): p for p in self.pins.values()}
        current = {(p.name, p.platform, p.digest) for p in new.pins.values()}
        past = {**known, **self.past, **new.past}
        keep = [past[at] for at in past if at in wanted and at not in current]
        return Lock.of(new.pins.values(), new.path, new.bases.values(), keep, new.git.values())

    def known(self, name: str, place: str, digest: Digest) -> Pin | None:
        """The present or a past pin of an upstream with that digest."""
        reference, where = _named(name, place.partition(" ")[0])
        shared = self.pins.get((reference, where))
        if shared is not None and shared.digest == digest:
            return shared
        return self.past.get((reference, where, digest))

    def _with(self, pins: Iterable[Pin] = (), changed: Iterable[Base] = ()) -> Lock:
        return Lock.of(
            [*self.pins.values(), *pins],
            self.path,
            [*self.bases.values(), *changed],
            self.past.values(),
            self.git.values(),
        )


def _named(name: str, platform: str) -> tuple[Reference, str]:
    """An upstream and its platform, out of what a base calls it (`bases.upstream_name`)."""
    text, _, other = name.partition(" ")
    return Reference.parse(text), other or platform


def _refuse_conflict(text: str, path: str) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(_CONFLICT, line):
            fault = LayersError(
                "a merge left both sides here",
                file=path,
                line=number,
                hint="take one side whole (git checkout --theirs, or --ours), then run"
                " `doit lock`; the next `doit refresh` makes up for what the other had",
            )
            raise LockError([fault])


def _check_names(tables: Mapping[str, Any], faults: Faults) -> None:
    """Tell of names of upstreams, within the tables of bases, that are none."""
    for image, places in tables.items():
        for place, table in places.items():
            at: Path = ("base", image, place)
            for key in ("upstream", "seen", "pins"):
                for name in _images(table.get(key, {})):
                    read_reference(name.partition(" ")[0], (*at, key, name), faults)
            for number, epoch in enumerate(table.get("earlier", ())):
                for name in _images(epoch.get("upstream", {})):
                    path = (*at, "earlier", number, "upstream", name)
                    read_reference(name.partition(" ")[0], path, faults)


def _images(table: Mapping[str, str]) -> list[str]:
    return [name for name, text in table.items() if is_digest(text)]


def _shape() -> Any:
    from layers.config.shapes.shape import Constant, List, Text
    from layers.config.shapes.table import Map, Table

    digest = Text("", r"^sha256:[0-9a-f]{64}$", "'sha256:' and 64 lower-case hex digits")
    moment = Text("", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "a time such as 2024-01-31T12:00:00Z")
    platform = Text("", r"^[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?$", "a platform such as linux/amd64")
    place = Text("", rf"{platform.pattern[:-1]}(?: \S+)?$", "a platform such as linux/amd64")
    anything = Text("", r"^[\s\S]*$")
    rest: dict[str, Any] = {
        "locked": moment,
        "source": Text(),
        "onbuild": List("", anything, distinct=False),
        "env": Map("", anything, anything),
    }
    pin = Table("", {"digest": digest, **rest}, required=("digest",))
    kinds: dict[str, Any] = {
        "version": Constant("", VERSION),
        "upstream": Map("", anything, Map("", platform, pin)),
        "base": Map("", anything, Map("", place, base_shape(digest, moment))),
        "git": shape(moment),
        "past": Map("", anything, Map("", platform, Map("", digest, Table("", rest)))),
    }
    return Table("", kinds)
