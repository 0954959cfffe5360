"""The other side: plain ``docker buildx build``, one image after the other."""

from __future__ import annotations

import os

from tests.fuzz.images.content import Content
from tests.fuzz.images.engines import Engine
from tests.fuzz.images.project import Image, Project


class Refused(Exception):
    """A build that failed; the text is buildx's own."""


def build_all(engine: Engine, project: Project, root: str) -> dict[str, Content]:
    """Build every image in order; plain name → what it is, kept stages by theirs.

    Raises Refused.
    """
    for name, source in project.upstream.items():
        engine.tag(source, name)
    found: dict[str, Content] = {}
    names: list[str] = []
    for image in project.members():
        tags = [f"{image.name}:latest", *([image.plain] if image.tag else [])]
        said = engine.build([*words(project, image, root), *(f"--tag={each}" for each in tags), image.folder], root)
        if said:
            _forget(engine, project, names)
            raise Refused(f"{image.name}: {said}")
        names += tags
        found[image.plain] = _content(engine, image.plain)
    for image in project.members():
        for stage in image.push_stages:
            name = image.stage_name(f"stage-{len(names)}")
            target = [f"--target={stage}", f"--tag={name}"]
            said = engine.build(
                [*(each for each in words(project, image, root) if not each.startswith("--target")), *target, image.folder], root
            )
            if not said:  # an unknown stage is an error of images.toml, not of a plain build
                names.append(name)
                found[image.stage_name(stage)] = _content(engine, name)
    _forget(engine, project, names)
    return found


def words(project: Project, image: Image, root: str) -> list[str]:
    """What a person would type, but for tag and folder."""
    found = [f"--file={os.path.join(root, image.path)}"]
    if project.platform:
        found.append(f"--platform={project.platform}")
    if image.target:
        found.append(f"--target={image.target}")
    if image.network:
        found.append(f"--network={image.network}")
    found += [f"--build-arg={name}={value}" for name, value in image.args.items()]
    found += [f"--build-context={name}={at}" for name, at in image.contexts.items()]
    return found


def _content(engine: Engine, name: str) -> Content:
    content = engine.content(name)
    if content is None:
        raise Refused(f"{name} is not there after its build")
    return content


def _forget(engine: Engine, project: Project, names: list[str]) -> None:
    """Take the names away, so that the next round starts without them."""
    for name in (*names, *project.upstream):
        engine.untag(name)
