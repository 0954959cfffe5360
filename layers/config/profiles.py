"""Profiles: other ways to build a file's images, each laid over the file or over one other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hashes.errors import did_you_mean
from layers.config.faults import Faults
from layers.config.schema import IMAGE
from layers.config.toml import Path
from layers.config.values import table_of
from layers.config.variants import variants

Tables = Mapping[str, Any]


class Part(NamedTuple):
    """A table of the file, and where it stands."""

    path: Path
    table: Tables


def overlays(profiles: Tables, chosen: str | None) -> tuple[Part, ...]:
    """The chosen profile after the one that it extends: what is said later goes over the rest."""
    if chosen is None or chosen not in profiles:
        return ()
    below = profiles[chosen].get("extends", chosen)
    names = [name for name in (below, chosen) if name in profiles]
    return tuple(Part(("profiles", name), profiles[name]) for name in dict.fromkeys(names))


def said(parts: Sequence[Part], key: str) -> Part | None:
    """The last of ``parts`` that has ``key``; None: none has it."""
    return next((part for part in reversed(parts) if key in part.table), None)


def check(raw: Tables, chosen: str | None, faults: Faults) -> None:
    """Tell of a choice that is not there, and of each profile that is wrong by itself.

    Whole images in profiles must be whole, and changed ones stay possible.
    """
    profiles = table_of(raw.get("profiles"))
    if chosen is not None and chosen not in profiles:
        faults.add(
            ("profiles",) if profiles else (),
            f"no profile {chosen!r}{did_you_mean(chosen, profiles)}",
            f"profiles here: {', '.join(profiles)}" if profiles else "the file has no profiles",
        )
    images = table_of(raw.get("images"))
    images = {**images, **{image: images[table] for image, table, _ in variants(images)}}
    # Those that stand on the file come first: a fault of theirs is not told again of another.
    for name in sorted(profiles, key=lambda name: "extends" in table_of(profiles[name])):
        _check_extends(profiles, name, faults)
        _check_images(profiles, name, images, faults)


def _check_extends(profiles: Tables, name: str, faults: Faults) -> None:
    below = table_of(profiles[name]).get("extends")
    path: Path = ("profiles", name, "extends")
    if not isinstance(below, str) or faults.touch(path):
        return
    if below == name:
        faults.add(path, "a profile cannot extend itself")
    elif below not in profiles:
        others = [other for other in profiles if other != name]
        hint = f"other profiles here: {', '.join(others)}" if others else "there is no other"
        faults.add(path, f"no profile {below!r}{did_you_mean(below, others)}", hint)
    elif under := table_of(profiles[below]).get("extends"):
        hint = f"extend {under!r} and repeat here what {below!r} says"
        faults.add(path, f"{below!r} extends {under!r} itself, and one step is the most", hint)


def _check_images(profiles: Tables, name: str, images: Tables, faults: Faults) -> None:
    below = table_of(profiles[name]).get("extends")
    under: Path = ("profiles", below if isinstance(below, str) else name, "images")
    inherited = table_of(table_of(profiles.get(str(below))).get("images"))
    known = {**inherited, **images}
    for image, change in table_of(table_of(profiles[name]).get("images")).items():
        path: Path = ("profiles", name, "images", image)
        if not isinstance(change, dict):
            continue
        if image in known:
            wrong = any(map(faults.touch, (("images", image), (*under, image), path)))
            if isinstance(known[image], dict) and not wrong:
                whole = {**known[image], **table_of(inherited.get(image)), **change}
                IMAGE.check_keys(whole, path, faults)
        elif not {"context", "rootfs"} & set(change):
            hint = "an image that only this profile has needs 'context' or 'rootfs'"
            faults.add(path, f"no image {image!r}{did_you_mean(image, known)}", hint)
