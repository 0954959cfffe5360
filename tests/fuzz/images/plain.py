"""The other side: plain ``docker buildx build``, one image after the other."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tests.fuzz.images import crosstalk
from tests.fuzz.images.content import Content
from tests.fuzz.images.engines import Engine
from tests.fuzz.images.lay import entries
from tests.fuzz.images.project import Image, Project


class Refused(Exception):
    """A build that failed; the text is buildx's own."""


def build_all(
    engine: Engine, project: Project, root: str, known: Mapping[str, Content], apart: str = ""
) -> dict[str, Content]:
    """Build every image in order; plain name → what it is, kept stages by theirs.

    ``known`` images are those of an earlier round, which the engine still has by their names.
    ``apart``: a folder for Dockerfiles without `crosstalk`, where images keep stages.
    Raises Refused.
    """
    for name, source in project.upstream.items():
        if name not in known:  # an image of its own that stands there stays what was built
            engine.tag(source, name)
    found: dict[str, Content] = {}
    for image in project.members():
        tags = [f"{image.name}:latest", *([image.plain] if image.tag else [])]
        if image.plain in known:
            stages = [image.stage_name(stage) for stage in image.push_stages]
            found |= {name: known[name] for name in (image.plain, *stages) if name in known}
            continue
        said = engine.build([*words(project, image, root, apart), *_tags(tags), image.folder], root)
        if said:
            raise Refused(f"{image.name}: {said}")
        found[image.plain] = _content(engine, image.plain)
        for number, stage in enumerate(image.push_stages):
            if image.stage_name(stage) == image.plain:
                continue  # a name of both means the image
            name = image.stage_name(f"stage-{number}")
            one = words(project, replace(image, target=stage), root, apart)
            # An unknown stage is an error of images.toml, and not of a plain build.
            if not engine.build([*one, *_tags([name]), image.folder], root):
                found[image.stage_name(stage)] = _content(engine, name)
    return found


def lost(refusal: str, project: Project) -> bool:
    """Whether a plain build failed as its engine looked elsewhere for an image of the project.

    Docker with the containerd image store does so where one build uses one image by two names.
    """
    found = re.search(r"docker\.io/v2/(?:library/)?(\S+)/manifests/sha256:", refusal)
    names = {name for each in project.members() for name in (each.name, each.plain)}
    return found is not None and found[1] in {name.partition(":")[0] for name in names}


def unmoved(before: Project, after: Project) -> set[str]:
    """Plain names of the images, first to last, that an edit cannot have reached."""
    one, two = entries(before), entries(after)
    moved = [path for path in {*one, *two} if one.get(path) != two.get(path)]
    found: set[str] = set()
    for old, image in zip(before.members(), after.members(), strict=True):
        folders = (image.folder, *image.contexts.values())
        if old != image or any(_inside(path, folders, image.path) for path in moved):
            break  # and with it every image that comes later, as it may be made from this one
        found.add(image.plain)
        found |= {image.stage_name(stage) for stage in image.push_stages}
    return found


def _inside(path: str, folders: Sequence[str], dockerfile: str) -> bool:
    beside = path == dockerfile or path.startswith(f"{dockerfile}.")
    return beside or any(each == "." or path.startswith(f"{each}/") for each in folders)


def _tags(names: Sequence[str]) -> list[str]:
    return [f"--tag={name}" for name in names]


def words(project: Project, image: Image, root: str, apart: str = "") -> list[str]:
    """What a person would type, but for tag and folder."""
    path = os.path.join(root, image.path)
    if apart and image.push_stages:
        path = _apart(image, path, os.path.join(apart, image.name, image.target))
    found = [f"--file={path}"]
    if project.platform:
        found.append(f"--platform={project.platform}")
    if image.target:
        found.append(f"--target={image.target}")
    if image.network:
        found.append(f"--network={image.network}")
    args = {**_proxies(project, image), **image.args}
    found += [f"--build-arg={name}={value}" for name, value in args.items()]
    found += [f"--build-context={name}={at}" for name, at in image.contexts.items()]
    return found


def _proxies(project: Project, image: Image) -> dict[str, str]:
    """The caller's proxies, which the manual promises to every RUN that no ARG declares them to."""
    return {
        name: value
        for name, value in project.environ.items()
        if name.lower().endswith("_proxy") and f"ARG {name}" not in image.lines
    }


def _apart(image: Image, path: str, folder: str) -> str:
    """A Dockerfile of its own for one target; its ignore file goes along."""
    os.makedirs(folder, exist_ok=True)
    found = os.path.join(folder, os.path.basename(path))
    with open(found, "w", encoding="utf-8") as file:
        file.write("\n".join(crosstalk.own(image.lines, image.target)) + "\n")
    if os.path.exists(f"{path}.dockerignore"):
        shutil.copy2(f"{path}.dockerignore", f"{found}.dockerignore")
    return found


def _content(engine: Engine, name: str) -> Content:
    content = engine.content(name)
    if content is None:
        raise Refused(f"{name} is not there after its build")
    return content
