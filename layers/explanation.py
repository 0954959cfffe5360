"""Explanation: the answer to ``doit why``: a layer as it is now against what it was."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hashes.errors import LayersError
from hashes.key import BadKey, Key
from layers.explain import Cause, Record, explain
from layers.graph import Layer
from layers.plan import Node
from layers.presence import Seen, look_in_engine
from layers.suggest import did_you_mean

if TYPE_CHECKING:
    from layers.project import Project

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
    """Keys that would have to be remembered here for more."""


def explanation(project: Project, layer: Layer, asked: str | None) -> Explanation:
    """Compare a layer with the image that is there, or with the key that was ``asked`` for.

    Only without a key the engine is needed.  Raises UnknownKey, EngineDown.
    """
    key = project.inputs.key(layer)
    old = _there(project, layer, key) if asked is None else find_key(project, asked, (str(key),))
    if old is None or old == str(key):
        return Explanation(layer, old, str(key))
    unknown: list[str] = []

    def recall(name: str) -> Record | None:
        found = project.recall(name)
        if found is None:
            unknown.append(name)
        return found

    before = recall(old)
    causes = explain(before, project.record(layer), recall) if before is not None else ()
    return Explanation(layer, old, str(key), causes, tuple(dict.fromkeys(unknown)))


def _there(project: Project, layer: Layer, key: Key) -> str | None:
    names = {layer: project.names(layer, key)}
    seen = Seen()
    look_in_engine(project.engine, [Node(layer, key)], names, seen, {})
    return seen.earlier.get(layer) or None


def find_key(project: Project, text: str, more: Iterable[str] = ()) -> str:
    """The key that a text means: a whole one, or the only one remembered that begins so.

    Raises UnknownKey with what was likely meant.
    """
    known = sorted({*project.state.remembered(), *more})
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
