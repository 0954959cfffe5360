"""Images: the builds of all files, brought together where they are one image."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hashes.errors import LayersError
from layers.adopt.dockerfiles import Dockerfiles
from layers.adopt.find import Found
from layers.adopt.sources.paths import leads_out
from layers.adopt.sources.reading import Build, LeftOut, Reading
from layers.adopt.sources.tags import last_part

_RANK = {"compose": 0, "bake": 1, "workflow": 2, "dockerfile": 3}


@dataclass(frozen=True)
class Image:
    """One image that is proposed, made of all builds that mean it."""

    builds: tuple[Build, ...]
    """The first of them counts."""
    notes: tuple[str, ...] = ()
    """What a reader of images.toml should know of it: guesses, and what is not taken over."""
    stage: str = ""
    """The name of the stage that it is; empty: it has none."""

    @property
    def build(self) -> Build:
        """How it is built."""
        return self.builds[0]

    @property
    def tags(self) -> tuple[str, ...]:
        """All references that it is given somewhere."""
        return tuple(dict.fromkeys(tag for each in self.builds for tag in each.tags))

    @property
    def repositories(self) -> tuple[str, ...]:
        """Names that it is given with a tag that nobody knows."""
        return tuple(dict.fromkeys(name for each in self.builds for name in each.repositories))

    @property
    def called(self) -> tuple[str, ...]:
        """The last parts of all names that it is given, the surest first."""
        hints = (hint for each in self.builds for hint in each.hints)
        known = (last_part(name) for name in (*self.tags, *self.repositories))
        return tuple(dict.fromkeys((*known, *hints)))

    @property
    def guessed(self) -> bool:
        """Whether no file says how it is built."""
        return self.build.kind == "dockerfile"


@dataclass
class _Gathered:
    """What is known so far."""

    left_out: list[LeftOut] = field(default_factory=list)
    faults: dict[str, LayersError] = field(default_factory=dict)
    """By Dockerfile, or by the text of what is wrong."""


def gather(
    found: Found, reading: Reading, files: Dockerfiles
) -> tuple[list[Image], list[LeftOut], list[LayersError]]:
    """All images, those of compose files first; what is no image of ours; and faults."""
    known = _Gathered()
    usable = [
        whole
        for each in _sorted(reading.builds)
        if (whole := _usable(each, files, known)) is not None
    ]
    images = [
        replace(image, stage=_stage(image.build, files))
        for group in _groups(usable, files)
        for image in _told_apart(_complete(group))
    ]
    named = reading.imageless.union(each.dockerfile for each in usable)
    skipped = [path for path in found.dockerfiles if path not in named]
    for path in skipped:
        build, notes = _lone(path, files, known)
        if build is not None and (whole := _usable(build, files, known)) is not None:
            images.append(Image((whole,), notes))
    return images, known.left_out, list(known.faults.values())


def _stage(build: Build, files: Dockerfiles) -> str:
    stages = files.read(build.dockerfile).stages
    return stages[files.stage(build.dockerfile, build.target)].name


def _sorted(builds: Iterable[Build]) -> list[Build]:
    """Compose before bake before workflows; stable within."""
    return sorted(builds, key=lambda each: _RANK[each.kind])


def _usable(build: Build, files: Dockerfiles, known: _Gathered) -> Build | None:
    """What an image can be made of; None, and what is wrong is noted: none can."""
    path = build.dockerfile
    for what, where in (("context", build.context), ("Dockerfile", path)):
        if leads_out(where):
            why = f"its {what} {where} lies outside of this folder"
            known.left_out.append(LeftOut(build.where, why))
            return None
    if not os.path.isdir(os.path.join(files.root, build.context)):
        known.left_out.append(LeftOut(build.where, f"there is no folder {build.context}"))
        return None
    if not os.path.lexists(os.path.join(files.root, path)):
        known.left_out.append(LeftOut(build.where, f"there is no {path}"))
        return None
    try:
        files.read(path)
    except LayersError as error:
        known.faults.setdefault(path, error)
        return None
    if files.is_windows(build):
        known.left_out.append(LeftOut(build.where, "it stands on an image of Windows"))
        return None
    try:
        files.stage(path, build.target)
        return files.completed(build)
    except LayersError as error:
        known.faults.setdefault(str(error), error)
        return None


# -- which builds are one image ----------------------------------------------------------------


def _groups(builds: Sequence[Build], files: Dockerfiles) -> Iterator[list[Build]]:
    """Builds of the same stage of the same file in the same folder."""
    groups: dict[tuple[str, str, int], list[Build]] = {}
    for build in builds:
        stage = files.stage(build.dockerfile, build.target)
        groups.setdefault((build.context, build.dockerfile, stage), []).append(build)
    yield from groups.values()


def _complete(builds: Sequence[Build]) -> Sequence[Build]:
    """Those that have all that a FROM needs, where there are any."""
    return [each for each in builds if each.lacking is None] or builds


def _told_apart(builds: Sequence[Build]) -> list[Image]:
    """One image for builds with the same args, or that mean the same though their args differ.

    Two files that build one thing with other args (one for production, one for tests) are one
    image, that of the first; two builds of one file, or of different names, are two.
    """
    images: list[Image] = []
    for build in builds:
        same = next((n for n, each in enumerate(images) if _same(each, build)), None)
        if same is None:
            images.append(Image((build,), build.notes))
            continue
        image = images[same]
        notes = [*image.notes]
        if (told := _differs(image.build, build)) and told not in notes:
            notes.append(told)
        images[same] = replace(image, builds=(*image.builds, build), notes=tuple(notes))
    return images


def _same(image: Image, build: Build) -> bool:
    first = image.build
    if first.options.platform and build.options.platform not in ("", first.options.platform):
        return False
    if any(each.args == build.args and _folders(each) == _folders(build) for each in image.builds):
        return True
    if any(each.file == build.file for each in image.builds):
        steps = build.kind == "workflow" and first.kind == "workflow"
        return steps and build.variant == first.variant
    if first.kind == build.kind == "bake" and image.tags and build.tags:
        return bool(set(image.tags) & set(build.tags))  # bake's tags are whole: one image, one tag
    ones, others = set(image.called), set(Image((build,)).called)
    return not ones or not others or bool(ones & others)


def _folders(build: Build) -> dict[str, str]:
    """Named contexts that are no images."""
    return {name: at for name, at in build.contexts.items() if ":" not in at}


def _differs(first: Build, other: Build) -> str:
    """What another file says otherwise, for a comment; empty: nothing."""
    words = [
        f"{key}={value!r}" for key, value in other.args.items() if first.args.get(key) != value
    ]
    unknown = " ".join(note for note in other.notes if note.startswith("arg "))
    words += [f"no {key}" for key in first.args if key not in other.args and key not in unknown]
    return f"{other.where} builds it with {', '.join(words)}" if words else ""


# -- Dockerfiles that nobody names -------------------------------------------------------------


def _lone(path: str, files: Dockerfiles, known: _Gathered) -> tuple[Build | None, tuple[str, ...]]:
    try:
        context, there, of = files.context(path)
    except LayersError as error:
        known.faults.setdefault(path, error)
        return None, ()
    notes = []
    folder = posixpath.dirname(path) or "."
    if there < of:
        notes.append(f"guessed: context; {of - there} of {of} sources of COPY are not there")
    elif context != folder:
        notes.append("guessed: context, as what it copies is there")
    build = Build("", None, "dockerfile", "", context, path)
    return build, tuple(notes)


def by_target(images: Iterable[Image]) -> Mapping[tuple[str, str], Image]:
    """Images by the file and the name that a named context may give: ``target:NAME``."""
    return {(each.file, each.name): image for image in images for each in image.builds if each.name}
