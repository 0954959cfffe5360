"""The lock: which upstream images builds use, by digest; ``images.lock``, committed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.digest import Digest
from layers.reference import BadReference, Reference
from layers.specfaults import Faults, LockError
from layers.tomlines import Path, TomlError, read

__all__ = ["Lock", "LockError", "Pin"]

VERSION = 1
_HEADER = """\
# Which upstream images builds use, by digest, and what of their configuration enters keys.
# `doit lock` and `doit refresh` write this file; commit it.
"""


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
    """All pins, in the order of the file: by name, then platform."""

    pins: Mapping[tuple[Reference, str], Pin] = field(default_factory=dict)
    path: str = field(default="images.lock", compare=False)

    @classmethod
    def of(cls, pins: Iterable[Pin], path: str = "images.lock") -> Lock:
        """A lock of these pins; of two for the same image and platform the later one counts."""
        found = {(pin.name, pin.platform): pin for pin in pins}
        order = sorted(found, key=lambda key: (key[0].familiar(), key[1]))
        return cls({key: found[key] for key in order}, path)

    @classmethod
    def parse(cls, text: str, path: str = "images.lock") -> Lock:
        """Read the file back; the exact inverse of `text`.  Raises one LockError for all faults."""
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
        pins: dict[tuple[Reference, str], Pin] = {}
        for name, platforms in checked.get("upstream", {}).items():
            for platform, table in platforms.items():
                at: Path = ("upstream", name, platform)
                reference = _reference(name, at[:2], faults)
                if "source" in table:
                    _reference(table["source"], (*at, "source"), faults)
                if reference is None:
                    continue
                if (reference, platform) in pins:
                    faults.add(at, f"{reference.familiar()!r} is here under another spelling too")
                elif "digest" in table:
                    pins[reference, platform] = _pin(reference, platform, table)
        faults.raise_as(LockError)
        return cls.of(pins.values(), path)

    def text(self) -> str:
        """The file: sorted, one value a line, the same for equal locks."""
        parts = [f"{_HEADER}version = {VERSION}\n"]
        for pin in Lock.of(self.pins.values()).pins.values():
            table = f"upstream.{_quoted(pin.name.familiar())}.{_quoted(pin.platform)}"
            parts.append(f"\n[{table}]\ndigest = {_quoted(str(pin.digest))}\n")
            if pin.locked:
                parts.append(f"locked = {_quoted(pin.locked)}\n")
            if pin.source:
                parts.append(f"source = {_quoted(pin.source)}\n")
            if pin.onbuild:
                lines = "".join(f"    {_quoted(line)},\n" for line in pin.onbuild)
                parts.append(f"onbuild = [\n{lines}]\n")
            if pin.env:
                parts.append(f"\n[{table}.env]\n")
                parts += [
                    f"{_quoted(name)} = {_quoted(pin.env[name])}\n" for name in sorted(pin.env)
                ]
        return "".join(parts)

    def find(self, name: str | Reference, platform: str) -> Pin | None:
        """The pin of an upstream image, by any spelling of its name; None: it is unpinned.

        Raises BadReference for a text that is no name.
        """
        reference = Reference.parse(name) if isinstance(name, str) else name
        return self.pins.get((reference, platform))

    def with_pins(self, pins: Iterable[Pin]) -> Lock:
        """The same lock with these pins added, or put in place of what they name."""
        return Lock.of([*self.pins.values(), *pins], self.path)


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


def _shape() -> Any:
    from layers.specshape import Constant, List, Map, Table, Text

    digest = Text("", r"^sha256:[0-9a-f]{64}$", "'sha256:' and 64 lower-case hex digits")
    moment = Text("", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", "a time such as 2024-01-31T12:00:00Z")
    platform = Text("", r"^[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9]+)?$", "a platform such as linux/amd64")
    anything = Text("", r"^[\s\S]*$")
    pin = Table(
        "",
        {
            "digest": digest,
            "locked": moment,
            "source": Text(),
            "onbuild": List("", anything, distinct=False),
            "env": Map("", anything, anything),
        },
        required=("digest",),
    )
    upstream = Map("", anything, Map("", platform, pin))
    return Table("", {"version": Constant("", VERSION), "upstream": upstream})


def _quoted(text: str) -> str:
    """A TOML basic string: quote, backslash and control characters escaped, the rest as it is."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(map(_escaped, escaped)) + '"'


def _escaped(character: str) -> str:
    if character >= " " and character != "\x7f":
        return character
    return f"\\u{ord(character):04x}"
