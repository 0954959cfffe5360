"""The lock: upstream images by digest, and the epochs of bases; ``images.lock``, committed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hashes.errors import LayersError
from layers.config.faults import Faults, LockError
from layers.config.toml import Path, TomlError, read
from layers.lock.epochs import Base, base_lines, base_shape, read_base
from layers.oci.digest import Digest
from layers.oci.reference import BadReference, Reference

LOCK_FILE = "images.lock"

__all__ = ["Lock", "LockError", "Pin"]

VERSION = 1
_HEADER = """\
# Which upstream images builds use, by digest, and what of their configuration enters keys.
# `doit lock` and `doit refresh` write this file; commit it.
"""
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)")


@dataclass(frozen=True)
class Pin:
    """One upstream image on one platform, held fast."""

    name: Reference
    """As a Dockerfile has it."""
    platform: str
    """Such as ``linux/amd64``."""
    digest: Digest
    """Of the platform's manifest."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Environment in the image's configuration: it enters the expansion of instructions."""
    onbuild: tuple[str, ...] = ()
    """Instructions that a ``FROM`` of it runs, in their order."""
    locked: str = ""
    """When it was asked for, RFC 3339 in UTC; empty: not known."""
    source: str = ""
    """The reference it was asked for under, such as a mirror's; empty: its own name."""

    @property
    def reference(self) -> str:
        """What a build is handed: where it was found, by digest, ``…/library/node@sha256:…``."""
        found = Reference.parse(self.source) if self.source else self.name
        return str(found.with_digest(str(self.digest)))


@dataclass(frozen=True)
class Lock:
    """All pins, in the order of the file: by name, then platform; and all bases."""

    pins: Mapping[tuple[Reference, str], Pin] = field(default_factory=dict)
    path: str = field(default="images.lock", compare=False)
    bases: Mapping[tuple[str, str], Base] = field(default_factory=dict)
    """By image and `bases.place`, in that order."""
    past: Mapping[tuple[Reference, str, Digest], Pin] = field(default_factory=dict)
    """Pins that were replaced, as far as a base may go back to them."""

    @classmethod
    def of(
        cls,
        pins: Iterable[Pin],
        path: str = "images.lock",
        bases: Iterable[Base] = (),
        past: Iterable[Pin] = (),
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
        pins = list(_pins(checked.get("upstream", {}), "upstream", faults))
        past = [
            pin
            for name, platforms in checked.get("past", {}).items()
            for platform, digests in platforms.items()
            for digest, table in digests.items()
            for pin in _pins(
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
        return cls.of(pins, path, found, past)

    def text(self) -> str:
        """The file: sorted, one value a line, the same for equal locks."""
        parts = [f"{_HEADER}version = {VERSION}\n"]
        sorted_ = self._with()
        for pin in sorted_.pins.values():
            parts += _pin_lines("upstream", pin, ("digest", str(pin.digest)))
        for each in sorted_.bases.values():
            parts += base_lines(each, _quoted)
        for pin in sorted_.past.values():
            parts += _pin_lines("past", pin)
        return "".join(parts)

    def find(self, name: str | Reference, platform: str) -> Pin | None:
        """The pin of an upstream image, by any spelling of its name; None: it is unpinned.

        Raises BadReference for a text that is no name.
        """
        reference = Reference.parse(name) if isinstance(name, str) else name
        return self.pins.get((reference, platform))

    def pins_of(self, wanted: Iterable[Wanted]) -> tuple[Pin, ...]:
        """The pins of some upstreams, sorted; those that are unpinned are left out."""
        found = (self.find(each.name, each.platform) for each in sorted(set(wanted)))
        return tuple(pin for pin in found if pin is not None)

    def with_pins(self, pins: Iterable[Pin]) -> Lock:
        """The same lock with these pins added, or put in place of what they name."""
        return self._with(pins=pins)

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
        own = [self.known(name, place, digest) for name, digest in found.pins.items()]
        return self._with(pins=[pin for pin in own if pin is not None])

    def upstream(self, name: str, place: str) -> Pin | None:
        """The pin of an upstream by what a base at ``place`` calls it (`bases.upstream_name`)."""
        return self.pins.get(_named(name, place.partition(" ")[0]))

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
        }
        known = {(p.name, p.platform, p.digest): p for p in self.pins.values()}
        current = {(p.name, p.platform, p.digest) for p in new.pins.values()}
        past = {**known, **self.past, **new.past}
        keep = [past[at] for at in past if at in wanted and at not in current]
        return Lock.of(new.pins.values(), new.path, new.bases.values(), keep)

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
        )


def _named(name: str, platform: str) -> tuple[Reference, str]:
    """An upstream and its platform, out of what a base calls it (`bases.upstream_name`)."""
    text, _, other = name.partition(" ")
    return Reference.parse(text), other or platform


def _refuse_conflict(text: str, path: str) -> None:
    for number, line in enumerate(text.splitlines(), 1):
        if _CONFLICT.match(line):
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
                for name in table.get(key, {}):
                    _reference(name.partition(" ")[0], (*at, key, name), faults)
            for number, epoch in enumerate(table.get("earlier", ())):
                for name in epoch.get("upstream", {}):
                    path = (*at, "earlier", number, "upstream", name)
                    _reference(name.partition(" ")[0], path, faults)


def _pins(tables: Mapping[str, Any], kind: str, faults: Faults, below: Path = ()) -> Iterator[Pin]:
    known: set[tuple[Reference, str]] = set()
    for name, platforms in tables.items():
        for platform, table in platforms.items():
            at: Path = (kind, name, platform, *below)
            reference = _reference(name, at[:2], faults)
            if "source" in table:
                _reference(table["source"], (*at, "source"), faults)
            if reference is None:
                continue
            if (reference, platform) in known:
                faults.add(at, f"{reference.familiar()!r} is here under another spelling too")
            elif "digest" in table:
                known.add((reference, platform))
                yield _pin(reference, platform, table)


def _reference(text: str, path: Path, faults: Faults) -> Reference | None:
    try:
        return Reference.parse(text)
    except BadReference as error:
        faults.add(path, error.message)
        return None


def _pin(reference: Reference, platform: str, table: Mapping[str, Any]) -> Pin:
    return Pin(
        reference,
        platform,
        Digest.parse(table["digest"]),
        table.get("env", {}),
        tuple(table.get("onbuild", ())),
        table.get("locked", ""),
        table.get("source", ""),
    )


def _pin_lines(kind: str, pin: Pin, *more: tuple[str, str]) -> Iterator[str]:
    table = f"{kind}.{_quoted(pin.name.familiar())}.{_quoted(pin.platform)}"
    if kind == "past":
        table += f".{_quoted(str(pin.digest))}"
    yield f"\n[{table}]\n"
    values = [*more, ("locked", pin.locked), ("source", pin.source)]
    yield from (f"{name} = {_quoted(value)}\n" for name, value in values if value)
    if pin.onbuild:
        lines = "".join(f"    {_quoted(line)},\n" for line in pin.onbuild)
        yield f"onbuild = [\n{lines}]\n"
    if pin.env:
        yield f"\n[{table}.env]\n"
        yield from (f"{_quoted(name)} = {_quoted(pin.env[name])}\n" for name in sorted(pin.env))


def _shape() -> Any:
    from layers.config.shapes import Constant, List, Map, Table, Text

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
        "past": Map("", anything, Map("", platform, Map("", digest, Table("", rest)))),
    }
    return Table("", kinds)


def _quoted(text: str) -> str:
    """A TOML basic string: quote, backslash and control characters escaped, the rest as it is."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(map(_escaped, escaped)) + '"'


def _escaped(character: str) -> str:
    if character >= " " and character != "\x7f":
        return character
    return f"\\u{ord(character):04x}"


@dataclass(frozen=True, order=True)
class Wanted:
    """An upstream image on one platform."""

    name: str
    platform: str
