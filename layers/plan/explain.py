"""Explanation: the answer to ``doit why``: a layer as it is now against what it was."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hashes.errors import LayersError, did_you_mean
from hashes.key import BadKey, Key
from layers.engine.engine import EngineDown
from layers.graph.causes import Cause, explain
from layers.graph.graph import Layer
from layers.graph.record import Record
from layers.plan.plan import Node
from layers.plan.presence import Seen, look_in_engine
from layers.plan.remote_records import LATEST, RemoteRecords

if TYPE_CHECKING:
    from layers.plan.session import Session

SHORTEST = 6
"""Hexadecimal digits that an abbreviated key must have."""


class UnknownKey(LayersError):
    """A text that is no key of which anything is kept."""


@dataclass(frozen=True)
class Explanation:
    """Why a layer has another key than before."""

    layer: Layer
    old: str | None
    """A key; None: there is no image under the layer's plain name, or it has no key."""
    new: str
    causes: tuple[Cause, ...] = ()
    """First cause first; empty where the keys are the same, or nobody here knows."""
    unknown: tuple[str, ...] = ()
    """Keys that would have to be remembered, here or in the registry, for more."""
    tag: str | None = None
    """The tag in the registry that points at the old one, where it was found by that."""


def explanation(run: Session, layer: Layer, asked: str | None) -> Explanation:
    """Compare a layer with the image that is there, or with the key or tag that was ``asked`` for.

    Only without it the engine is needed; the registry only for what is not known here.  Where the
    engine has no image, the registry's ``latest`` stands for it.  Raises UnknownKey, EngineDown.
    """
    key = run.project.inputs.key(layer)
    records = RemoteRecords(run)
    if asked is None:
        old, tag = _there(run, layer, key, records)
    else:
        old, tag = _meant(run, layer, asked, (str(key),), records)
    if old is None or old == str(key):
        return Explanation(layer, old, str(key), tag=tag)
    unknown: list[str] = []

    def recall(name: str) -> Record | None:
        found = run.project.recall(name) or records.record(name)
        if found is None:
            unknown.append(name)
        return found

    before = recall(old)
    causes = explain(before, run.project.record(layer), recall) if before is not None else ()
    return Explanation(layer, old, str(key), causes, tuple(dict.fromkeys(unknown)), tag)


def _there(
    run: Session, layer: Layer, key: Key, records: RemoteRecords
) -> tuple[str | None, str | None]:
    """The key of the image under the plain name, else of the registry's ``latest``, and that tag.

    A stage has no moving tag.
    """
    node = Node(layer, key, names=run.planner.names(layer, key))
    seen = Seen()
    down: EngineDown | None = None
    try:
        look_in_engine(run.backends.engine, [node], seen, {})
    except EngineDown as error:
        down = error
    old = seen.earlier.get(layer)
    if old or layer.stage is not None:
        if down is not None:
            raise down
        return old or None, None
    found = records.behind(layer, LATEST)
    if found is None and down is not None:
        raise down
    return found, LATEST if found is not None else None


def _meant(
    run: Session, layer: Layer, text: str, more: Iterable[str], records: RemoteRecords
) -> tuple[str, str | None]:
    """The key that a text means here, or in the registry, with the tag if it is one."""
    try:
        return find_key(run, text, more), None
    except UnknownKey:
        found = records.key(layer, text)
        if found is None:
            raise
        digits = text.rpartition("-")[2]
        return found, None if found.partition("-")[2].startswith(digits) else text


def find_key(run: Session, text: str, more: Iterable[str] = ()) -> str:
    """The key that a text means: a whole one, or the only one remembered that begins so.

    Raises UnknownKey with what was likely meant.
    """
    known = sorted({*run.project.records.remembered(), *more})
    if text in known:
        return text
    try:
        return str(Key.parse(text))
    except BadKey:
        pass
    wanted = text.lower().removesuffix("…")
    algorithm, _, digits = wanted.rpartition("-")
    hexadecimal = not set(digits) - set("0123456789abcdef")
    if hexadecimal and len(digits) < SHORTEST:
        raise UnknownKey(f"{text!r} is too short for a key: {SHORTEST} hex digits at least")
    found = [
        key
        for key in known
        if key.partition("-")[2].startswith(digits) and key.partition("-")[0].startswith(algorithm)
    ]
    if hexadecimal and len(found) == 1:
        return found[0]
    if hexadecimal and found:
        raise UnknownKey(f"{text!r} is the beginning of {len(found)} keys: {', '.join(found)}")
    guess = _near(digits, known) or did_you_mean(wanted, known)
    raise UnknownKey(
        f"{text!r} is not a key of which anything is kept here{guess}",
        hint=f"expected 'xxh3-' or 'blake3-' and hex digits, {SHORTEST} of them or more",
    )


def _near(digits: str, known: Iterable[str]) -> str:
    """The key that shares the longest beginning with some digits, if that is long enough."""

    def shared(key: str) -> int:
        pairs = zip(digits, key.partition("-")[2], strict=False)
        return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))

    best = max(known, key=shared, default="")
    return f" (did you mean {best!r}?)" if best and shared(best) >= 4 else ""
