"""Bases: what the lock keeps of an image that is refreshed, one epoch after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hashes.nothing import NOTHING
from layers.lock.git import COMMIT, Commit
from layers.oci.digest import Digest

KEPT = 10
"""Earlier epochs that the lock remembers of one base."""
NEXT = "next"
"""In place of a probe's hash after a rollback that could not ask: the next answer is taken as
seen."""

Fixed = Digest | Commit
"""What an upstream is held at: an image by its digest, a git address by its commit."""


class Epoch(NamedTuple):
    """One refresh of a base: what it was made from beside files, and what came of it."""

    number: int
    """From 1; part of the base's key, so that equal files give another key after a refresh."""
    key: str
    digest: Digest
    """Of the image in the registry, or in the engine where there is no registry."""
    refreshed: str
    """When, RFC 3339 in UTC."""
    size: int = 0
    """Bytes, as the engine counts them; 0: not known."""
    probe: str = ""
    """``sha256:…`` of what the probe last said in this image, `NEXT`, or "" without a probe."""
    upstream: Mapping[str, Fixed] = NOTHING
    """Digests of the upstreams that it was built from, by `upstream_name`; commits by address."""


class Base(NamedTuple):
    """A base on one platform, under one profile."""

    image: str
    place: str
    """See `place`."""
    now: Epoch
    seen: Mapping[str, Fixed] = NOTHING
    """What is no reason any more, named as in `Epoch.upstream`: it was tried and brought nothing
    new, or was rolled back from."""
    pins: Mapping[str, Fixed] = NOTHING
    """What counts for this base instead of the shared pins, named so."""
    earlier: tuple[Epoch, ...] = ()
    """Other epochs that one can go to, newest first."""

    @property
    def last(self) -> int:
        """The highest number that any epoch had."""
        return max(self.now.number, *(each.number for each in self.earlier), 0)

    def epoch(self, number: int) -> Epoch | None:
        """The epoch of that number, the present one too; None: it is not remembered."""
        return next((e for e in (self.now, *self.earlier) if e.number == number), None)

    def moved_to(self, epoch: Epoch) -> Base:
        """The base at another epoch; the present one is remembered among the others.

        Of more than `KEPT` the oldest are forgotten.
        """
        others = (e for e in (self.now, *self.earlier) if e.number != epoch.number)
        newest = sorted(others, key=lambda e: -e.number)
        return self._replace(now=epoch, earlier=tuple(newest[:KEPT]))


def place(platform: str, profile: str | None) -> str:
    """Where a base is its own: ``linux/amd64``, and under a profile ``linux/amd64 local``."""
    return f"{platform} {profile}" if profile else platform


def upstream_name(name: str, platform: str, own: str) -> str:
    """What a base calls an upstream: its familiar name, and its platform if that is not its own."""
    return name if platform in ("", own) else f"{name} {platform}"


# -- the file --------------------------------------------------------------------------------


def read_base(image: str, place: str, table: Mapping[str, Any]) -> Base:
    """A base out of its table, which has been checked against `base_shape`."""
    found = sorted((_epoch(each) for each in table.get("earlier", ())), key=lambda e: -e.number)
    return Base(
        image,
        place,
        _epoch(table),
        _digests(table.get("seen", {})),
        _digests(table.get("pins", {})),
        tuple(found),
    )


def base_table(found: Base) -> dict[str, Any]:
    """The table of a base as the file has it."""
    table = _epoch_table(found.now)
    if found.seen:
        table["seen"] = _texts(found.seen)
    if found.pins:
        table["pins"] = _texts(found.pins)
    if found.earlier:
        table["earlier"] = [_epoch_table(each) for each in found.earlier]
    return table


def base_shape(digest: Any, moment: Any) -> Any:
    """What a base's table may hold."""
    from layers.config.shapes.shape import List, Text, Whole
    from layers.config.shapes.table import Map, Table

    name = Text("", r"^\S+(?: \S+)?$", "an upstream's name")
    fixed = Text("", f"{digest.pattern}|{COMMIT}", "a digest, or the commit of a git address")
    digests = Map("", name, fixed)
    epoch: dict[str, Any] = {
        "epoch": Whole("", 1),
        "key": Text("", r"^(?:xxh3|blake3)-[0-9a-f]+$", "a key such as xxh3-0123…"),
        "digest": digest,
        "refreshed": moment,
        "size": Whole(""),
        "probe": Text("", rf"^(?:sha256:[0-9a-f]{{64}}|{NEXT})$", f"a hash or {NEXT!r}"),
        "upstream": digests,
    }
    required = ("epoch", "key", "digest", "refreshed")
    earlier = List("", Table("", epoch, required), distinct=False)
    rest: dict[str, Any] = {"seen": digests, "pins": digests, "earlier": earlier}
    return Table("", {**epoch, **rest}, required)


def _epoch(table: Mapping[str, Any]) -> Epoch:
    return Epoch(
        table["epoch"],
        table["key"],
        Digest.parse(table["digest"]),
        table["refreshed"],
        table.get("size", 0),
        table.get("probe", ""),
        _digests(table.get("upstream", {})),
    )


def _epoch_table(epoch: Epoch) -> dict[str, Any]:
    table: dict[str, Any] = {
        "epoch": epoch.number,
        "refreshed": epoch.refreshed,
        "key": epoch.key,
        "digest": str(epoch.digest),
    }
    if epoch.size:
        table["size"] = epoch.size
    if epoch.probe:
        table["probe"] = epoch.probe
    if epoch.upstream:
        table["upstream"] = _texts(epoch.upstream)
    return table


def _texts(digests: Mapping[str, Fixed]) -> dict[str, str]:
    return {name: str(digests[name]) for name in sorted(digests)}


def _digests(table: Mapping[str, str]) -> dict[str, Fixed]:
    return {
        name: Digest.parse(text) if is_digest(text) else Commit(text)
        for name, text in table.items()
    }


def is_digest(text: str) -> bool:
    """Whether it is an image's, in a table that also holds the commits of git addresses."""
    return text.startswith("sha256:")
