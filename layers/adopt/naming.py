"""Naming: what each image is called, and which of them are variants of one table."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from layers.adopt.images import Image
from layers.adopt.names import assign, common_head, slug
from layers.adopt.sources.reading import Build
from layers.adopt.sources.tags import last_part, parse

_SAYS_NOTHING = frozenset(
    {
        *("docker", ".docker", "dockerfiles", "dockerfile", "containers", "container", "build"),
        *("src", "deploy", "images", "image", "ci", ".ci", ".devcontainer", "packaging"),
        *("default", "main", "", "."),
    }
)
_FILE_WORD = re.compile(
    r"(?:dockerfile|containerfile)(?:[._-](?P<behind>.+))?|(?P<before>.+)\.\w+", re.IGNORECASE
)


@dataclass(frozen=True)
class Named:
    """An image with its place in images.toml."""

    image: Image
    table: str
    variant: str = ""
    """Empty: the table is the image."""

    @property
    def name(self) -> str:
        """What its task is called."""
        return f"{self.table}-{self.variant}" if self.variant else self.table


def name_images(
    images: Sequence[Image],
    project: str,
    taken: frozenset[str],
    unwanted: Mapping[int, frozenset[str]],
) -> list[Named]:
    """Names for all images; ``unwanted`` are those that mean something else, by position."""
    families = _families(images)
    ladders = []
    for at, image in enumerate(images):
        ladder = list(_ladder(image.build, image, project))
        if at in families:
            ladder = list(_path_ladder(image.build, project)) if families[at][0] == at else []
        ladders.append([each for each in ladder if slug(each) not in unwanted.get(at, ())])
    _with_targets(images, ladders)
    wanted = [at for at, ladder in enumerate(ladders) if ladder or at not in families]
    names = dict(zip(wanted, assign([ladders[at] for at in wanted], taken), strict=True))
    found: dict[int, Named] = {}
    for at, image in enumerate(images):
        if at not in families:
            found[at] = Named(image, names[at])
        elif families[at][0] == at:
            members = families[at]
            labels = _labels([images[each] for each in members])
            table = names[at]
            for each, label in zip(members, labels, strict=True):
                found[each] = Named(images[each], table, label)
    return _shared([found[at] for at in range(len(images))], taken)


def _with_targets(images: Sequence[Image], ladders: list[list[str]]) -> None:
    """Images of one file that would be called alike are told apart by their targets."""
    alike: dict[tuple[str, str, str], list[int]] = {}
    for at, ladder in enumerate(ladders):
        if ladder:
            build = images[at].build
            alike.setdefault((build.context, build.dockerfile, slug(ladder[0])), []).append(at)
    for (_, _, name), group in alike.items():
        if len(group) > 1:
            for at in group:
                ladders[at].insert(0, f"{name}-{images[at].stage or 'last'}")


def _families(images: Sequence[Image]) -> dict[int, list[int]]:
    """Positions of images that differ in their args alone: each with all of its kind."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for at, image in enumerate(images):
        build = image.build
        target = (build.target or "").lower()
        groups.setdefault((build.context, build.dockerfile, target), []).append(at)
    return {at: group for group in groups.values() if len(group) > 1 for at in group}


def _shared(named: list[Named], taken: frozenset[str]) -> list[Named]:
    """Images of one file whose names begin alike become variants of one table."""
    groups: dict[tuple[str, str], list[int]] = {}
    for at, each in enumerate(named):
        if not each.variant:
            groups.setdefault((each.image.build.context, each.image.build.dockerfile), []).append(
                at
            )
    for group in groups.values():
        names = [named[at].name for at in group]
        head = common_head(names) if len(group) > 1 else ""
        others = {each.name for each in named} | {each.table for each in named} | taken
        if head and head not in others and slug(head) == head:
            for at in group:
                name = named[at].name
                if name[len(head)] == "-":
                    named[at] = Named(named[at].image, head, name[len(head) + 1 :])
    return _whole(named)


def _whole(named: list[Named]) -> list[Named]:
    """No table is both an image and a table of variants."""
    tables = {each.table for each in named if each.variant}
    return [
        Named(each.image, f"{each.table}-plain")
        if not each.variant and each.table in tables
        else each
        for each in named
    ]


def _ladder(build: Build, image: Image, project: str) -> Iterator[str]:
    services = {each.name for each in image.builds if each.kind == "compose"}
    targets = [each.name for each in image.builds if each.kind == "bake"]
    words = [*(services if len(services) == 1 else ()), *image.called]
    yield from targets[:1]
    folders = [part for part in posixpath.dirname(build.file).split("/") if slug(part)]
    for word in filter(None, words):
        if slug(word) not in _SAYS_NOTHING:
            yield word
    words += targets[:1]
    yield from _path_ladder(build, project)
    for word in filter(None, words):
        for depth in range(1, len(folders) + 1):
            yield "-".join((*folders[-depth:], word))
        yield f"{project}-{word}"


def _path_ladder(build: Build, project: str) -> Iterator[str]:
    """Names that the place of a Dockerfile suggests, the short ones first."""
    name = posixpath.basename(build.dockerfile)
    found = _FILE_WORD.fullmatch(name)
    behind = slug(found["behind"] or "") if found else ""
    before = slug(found["before"] or "") if found else slug(name)
    folder = posixpath.dirname(build.dockerfile)
    if build.context not in (".", folder) and not folder.startswith(f"{build.context}/"):
        folder = build.context
    parts = [part for part in folder.split("/") if slug(part)]
    telling = [part for part in parts if part.lower() not in _SAYS_NOTHING]
    if before:
        yield before
    tail = [word for word in (before or behind,) if word]
    target = [build.target] if build.target and not tail else []
    if not telling:
        yield "-".join((project, *tail))
    for depth in range(1, len(telling) + 1):
        yield "-".join((*telling[-depth:], *tail))
    yield "-".join((project, *telling, *tail))
    yield "-".join((project, *telling, *tail, *target))
    yield "-".join((project, *parts, *tail, *target))


def _labels(images: Sequence[Image]) -> list[str]:
    """What to call the variants of one table."""
    names = [_own_name(image.build) for image in images]
    head = common_head(names) if all(names) and len(set(names)) == len(names) else ""
    keys = sorted({key for image in images for key in image.build.args})
    differing = [key for key in keys if len({image.build.args.get(key) for image in images}) > 1]
    ladders = []
    for image, name in zip(images, names, strict=True):
        build = image.build
        tag = next((found.tag for each in build.tags if (found := parse(each))), "")
        values = [last_part(value) or value for key in differing if (value := build.args.get(key))]
        ladders.append(
            [
                build.variant,
                name[len(head) :].strip("._-") if head else "",
                name,
                tag if tag != "latest" else "",
                "-".join(values)[:40],
                "plain" if not build.args else "",
                "variant",
            ]
        )
    return assign(ladders)


def _own_name(build: Build) -> str:
    return slug(build.name) if build.kind in ("compose", "bake") else ""
