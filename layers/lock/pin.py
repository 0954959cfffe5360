"""Pins: one upstream image on one platform by digest, as ``images.lock`` has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hashes.nothing import NOTHING
from layers.config.faults import Faults
from layers.config.toml import Path
from layers.oci.digest import Digest
from layers.oci.reference import BadReference, Reference


class Pin(NamedTuple):
    """One upstream image on one platform, held fast."""

    name: Reference
    """As a Dockerfile has it."""
    platform: str
    """Such as ``linux/amd64``."""
    digest: Digest
    """Of the platform's manifest."""
    env: Mapping[str, str] = NOTHING
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


class Upstream(NamedTuple):
    """An upstream image on one platform."""

    name: str
    platform: str


def read_pins(
    tables: Mapping[str, Any], kind: str, faults: Faults, below: Path = ()
) -> Iterator[Pin]:
    """The pins of the tables below ``kind``, ``upstream`` or ``past``."""
    known: set[tuple[Reference, str]] = set()
    for name, platforms in tables.items():
        for platform, table in platforms.items():
            at: Path = (kind, name, platform, *below)
            reference = read_reference(name, at[:2], faults)
            if "source" in table:
                read_reference(table["source"], (*at, "source"), faults)
            if reference is None:
                continue
            if (reference, platform) in known:
                faults.add(at, f"{reference.familiar()!r} is here under another spelling too")
            elif "digest" in table:
                known.add((reference, platform))
                yield _pin(reference, platform, table)


def read_reference(text: str, path: Path, faults: Faults) -> Reference | None:
    """The image that a name means; None and a fault where it means none."""
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


def pin_table(pin: Pin, **more: str) -> dict[str, Any]:
    """The table of a pin as the file has it; ``more`` comes first."""
    table: dict[str, Any] = dict(more)
    if pin.locked:
        table["locked"] = pin.locked
    if pin.source:
        table["source"] = pin.source
    if pin.onbuild:
        table["onbuild"] = pin.onbuild
    if pin.env:
        table["env"] = dict(sorted(pin.env.items()))
    return table
