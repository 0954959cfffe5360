"""What a clean-up finds: images at one place, with all that is needed to judge them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hashes.algorithm import HEX_LENGTHS
from layers.oci.digest import Digest
from layers.registry.layer_records import PREFIX

Place = Literal["engine", "registry"]
Kind = Literal["key", "claim", "attachment", "candidate", "record", "moving"]

_HEX = "|".join(f"{name}-[0-9a-f]{{{length}}}" for name, length in HEX_LENGTHS.items())
KEY = re.compile(rf"(?<![0-9a-z])(?:{_HEX})(?![0-9a-f])")
"""Finds keys in any text."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}(?![0-9a-f])")
"""Finds digests in any text."""
_ATTACHMENT = re.compile(r"sha256-([0-9a-f]{64})(?:\..+)?\Z")
_CLAIM = "claim-"
_RECORD = re.compile(rf"{PREFIX}([0-9a-f]{{64}})\Z")
_CANDIDATE = re.compile(r"candidate-[0-9a-f]{16}\Z")


def kind(tag: str) -> Kind:
    """What a tag is for: a key, a claim of one, what belongs to a digest, or a name that moves.

    A candidate is what a builder pushed before its key was set (`layers.build.remote`), a record
    that of a filesystem layer (`layers.registry.layer_records`).
    ``sha256-<hex>`` is the distribution-spec's "Referrers Tag Schema"; cosign adds an ending.
    """
    if KEY.fullmatch(tag):
        return "key"
    if tag.startswith(_CLAIM) and KEY.fullmatch(tag.removeprefix(_CLAIM)):
        return "claim"
    if _CANDIDATE.match(tag):
        return "candidate"
    if _RECORD.match(tag):
        return "record"
    return "attachment" if _ATTACHMENT.match(tag) else "moving"


def subject(tag: str) -> Digest | None:
    """The digest that an attachment's tag speaks of; None for any other tag."""
    found = _ATTACHMENT.match(tag)
    return Digest(f"sha256:{found[1]}") if found else None


def recorded(tag: str) -> Digest | None:
    """The filesystem layer that a record's tag speaks of; None for any other tag."""
    found = _RECORD.match(tag)
    return Digest(f"sha256:{found[1]}") if found else None


@dataclass(frozen=True)
class Found:
    """An image, or what belongs to one, in the engine or in one repository of the registry."""

    place: Place
    repository: str
    """In the registry ``host/project/image``; in the engine the first of ours that names it."""
    digest: Digest
    """The manifest's or index's; in the engine the image's id."""
    tags: tuple[str, ...] = ()
    """Tags in our repositories."""
    names: tuple[str, ...] = ()
    """In the engine: all its names in our repositories, ``repository:tag`` or ``…@digest``."""
    elsewhere: tuple[str, ...] = ()
    """In the engine: names that are not ours to take away."""
    layer: str = ""
    """As its label has it; the image's name where there is no label."""
    key: str = ""
    """As its label has it; empty: it has none."""
    platform: str = ""
    created: float = 0.0
    """Unix seconds, as its configuration has it; of a claim: when it was first seen."""
    parts: Mapping[str, int] = field(default_factory=dict, repr=False)
    """Bytes of all that it is made of, by a name that equal parts share at one place."""
    below: tuple[Digest, ...] = ()
    """Manifests without a tag that are there for this one alone: an index's, or attached."""
    aliases: tuple[Digest, ...] = ()
    """Other digests that mean the same image."""
    prefix: str = ""
    """What those of its tags begin with that are of its image, where others are beside it."""
    mirror: bool = False
    """A copy of an upstream image; its tag moves no more than a key does."""
    record: Digest | None = None
    """The filesystem layer that it is a record of."""
    doubt: str = ""
    """Why it stays whatever else holds, such as a manifest that nobody could read."""

    @property
    def own(self) -> tuple[str, ...]:
        """Its tags without what they begin with; what begins otherwise is nothing but a name."""
        return tuple(tag.removeprefix(self.prefix) for tag in self.tags)

    @property
    def keys(self) -> frozenset[str]:
        """All keys that it stands for, by its label and by its tags."""
        tagged = {tag.removeprefix(_CLAIM) for tag in self.own if kind(tag) in ("key", "claim")}
        return frozenset(tagged | ({self.key} if self.key else set()))

    @property
    def digests(self) -> frozenset[Digest]:
        """All digests that mean it."""
        return frozenset((self.digest, *self.aliases))

    @property
    def subjects(self) -> frozenset[Digest]:
        """What it was attached to; empty for an image."""
        return frozenset(found for tag in self.tags if (found := subject(tag)))

    @property
    def claims(self) -> bool:
        """True for a claim, which says that somebody is about to push a key."""
        return any(kind(tag) == "claim" for tag in self.own)

    @property
    def moving(self) -> tuple[str, ...]:
        """Its tags that people gave."""
        return () if self.mirror else tuple(tag for tag in self.own if self._given(tag))

    def _given(self, tag: str) -> bool:
        found = kind(tag)
        return found == "moving" or (found == "record" and recorded(tag) != self.record)

    @property
    def line(self) -> tuple[str, ...]:
        """What the newest are counted within: a layer, or an upstream's tag, on a platform."""
        if not self.mirror:
            return (self.place, self.repository, self.layer, self.platform)
        names = sorted(tag.rpartition("-")[0] for tag in self.tags)  # without the digest's digits
        return (self.place, self.repository, *names[:1], self.platform)
