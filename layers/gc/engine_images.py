"""What of ours is in the engine."""

from __future__ import annotations

from collections.abc import Callable

from layers.engine.store import Store, Stored
from layers.gc.item import Found
from layers.gc.ownership import FOREIGN, Owned
from layers.oci.reference import Reference
from layers.plan.names import LABEL_KEY, LABEL_LAYER


def look_in_engine(store: Store, owned: Owned, made: Callable[[str], bool]) -> tuple[Found, ...]:
    """All images of the engine; those of others only to know what they share with ours.

    ``made`` tells whether this checkout ever made a key: what has no name is its own only then.
    Raises EngineDown.
    """
    stored = store.images()
    parts = store.parts([each.identity for each in stored])
    found = []
    for each in stored:
        if each.identity in parts:
            platform, sizes = parts[each.identity]
            found.append(_found(each, owned, made, platform, sizes))
    return tuple(found)


def _found(
    each: Stored, owned: Owned, made: Callable[[str], bool], platform: str, sizes: dict[str, int]
) -> Found:
    claimed = owned.claims(each.labels)
    names = tuple(name for name in each.names if claimed and owned.owns(name, each.labels))
    tagged = [name for name in names if "@" not in name]
    key = each.labels.get(LABEL_KEY, "")
    ours = bool(names) or (claimed and not each.names and bool(key) and made(key))
    repository = Reference.parse((tagged or names)[0]).untagged() if names else ""
    return Found(
        "engine",
        repository,
        each.identity,
        tuple(dict.fromkeys(map(owned.tag, tagged))),
        names,
        tuple(name for name in each.names if name not in names),
        each.labels.get(LABEL_LAYER) or repository,
        key,
        platform,
        each.created,
        sizes,
        aliases=tuple(one for one in each.digests if one != each.identity),
        doubt="" if ours else FOREIGN,
    )
