"""Projects: files, Dockerfiles and a description as plain values; an edit; a case of both."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

UNIQUE = "@U@"
"""In texts and names: a few letters that no other case ever had."""
REGISTRY = "@R@"
"""In texts: ``host:port`` of the registry that has the upstreams."""
BUSYBOX = f"{REGISTRY}/up/busybox:1"
_DIGEST = re.compile(r"@D:([a-z0-9-]+)@")


@dataclass(frozen=True)
class Item:
    """One entry below a project's root."""

    kind: str = "file"
    """``file``, ``dir``, ``link`` (symbolic), ``hard`` or ``fifo``."""
    text: str = ""
    """Content, or where a link leads; of a hard link, a path from the root."""
    mode: int = 0o644
    capability: bool = False
    """Whether the file has ``security.capability``."""
    xattr: str = ""
    """Value of ``user.fuzz``; "" for none."""


@dataclass(frozen=True)
class Image:
    """One table of images.toml with its Dockerfile."""

    name: str
    lines: tuple[str, ...]
    """The Dockerfile; an instruction each, heredocs with their bodies."""
    context: str = ""
    """Folder from the root; "" for one of the image's own name."""
    dockerfile: str = "Dockerfile"
    """From the context."""
    tag: str = ""
    target: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    push: bool = False
    push_stages: tuple[str, ...] = ()
    network: str = ""
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variant → its args."""

    @property
    def folder(self) -> str:
        """The context's folder."""
        return self.context or self.name.replace(f"-{UNIQUE}", "")

    @property
    def path(self) -> str:
        """The Dockerfile's path from the root."""
        parts: list[str] = []
        for part in f"{self.folder}/{self.dockerfile}".split("/"):
            if part == ".." and parts:
                parts.pop()
            elif part not in (".", ""):
                parts.append(part)
        return "/".join(parts)

    def members(self) -> Iterator[Image]:
        """The images that the table stands for: itself, or its variants."""
        for variant, args in self.variants.items():
            name = f"{self.name}-{variant}"
            merged = {**self.args, **args}
            yield replace(self, name=name, context=self.folder, args=merged, variants={}, tag="")
        if not self.variants:
            yield self

    @property
    def plain(self) -> str:
        """The plain name in an engine."""
        name = self.tag or self.name
        return name if ":" in name.rpartition("/")[2] else f"{name}:latest"

    def stage_name(self, stage: str) -> str:
        """The plain name of a kept stage."""
        head, _, last = self.plain.rpartition("/")
        return f"{head}/{last}".lstrip("/").rpartition(":")[0] + f":{stage}"


@dataclass(frozen=True)
class Project:
    """A whole repository, and how its commands are started."""

    images: tuple[Image, ...]
    """Parents first: the order in which plain builds go."""
    files: Mapping[str, Item] = field(default_factory=dict)
    """Beside the Dockerfiles and images.toml."""
    upstream: Mapping[str, str] = field(default_factory=dict)
    """What a Dockerfile calls an upstream → the upstream in the registry that it is."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Of whoever calls ``doit``; plain builds have none of it."""
    platform: str = ""
    locked: bool = False
    """Whether ``doit lock`` runs first."""
    folder: str = "repo"
    """What the checkout's folder is called."""
    name: str = f"p{UNIQUE}"

    def members(self) -> list[Image]:
        """All images, variants each for itself."""
        return [member for image in self.images for member in image.members()]


@dataclass(frozen=True)
class Edit:
    """What somebody changes between two builds."""

    kind: str
    """``text``, ``mode``, ``add``, ``remove``, ``rename``, ``line``, ``arg`` or ``turn``."""
    where: str = ""
    """A file; or an image's name."""
    old: str = ""
    new: str = ""
    quiet: bool = False
    """Whether sizes and times stay as they were."""

    def apply(self, project: Project) -> Project:
        """The project after it; the same where there is nothing to edit any more."""
        files = dict(project.files)
        item = files.get(self.where)
        if self.kind in ("line", "arg"):
            images = tuple(
                self._image(each) if each.name == self.where else each for each in project.images
            )
            return replace(project, images=images)
        if self.kind == "add":
            files[self.where] = Item(text=self.new)
        elif item is None:
            return project
        elif self.kind == "text":
            files[self.where] = replace(item, text=self.new)
        elif self.kind == "mode":
            files[self.where] = replace(item, mode=int(self.new, 8))
        elif self.kind == "turn":
            files[self.where] = Item("link", self.new, 0o777)
        else:
            del files[self.where]
            if self.kind == "rename":
                files[self.new] = item
        return replace(project, files=files)

    def _image(self, image: Image) -> Image:
        if self.kind == "arg":
            return replace(image, args={**image.args, self.old: self.new})
        lines = tuple(self.new if line == self.old else line for line in image.lines)
        return replace(image, lines=lines)


@dataclass(frozen=True)
class Case:
    """A project and what happens to it."""

    project: Project
    edit: Edit
    kinds: tuple[str, ...] = ()
    """What it was drawn for."""
    name: str = ""
    fresh_publish: bool = False
    """Whether ``doit publish`` has an empty engine and registry, and so builds."""

    @property
    def after(self) -> Project:
        """The project after the edit."""
        return self.edit.apply(self.project)


@dataclass(frozen=True)
class Names:
    """What the placeholders of one playing of a case stand for."""

    unique: str
    registry: str
    digests: Mapping[str, str]
    """Upstream → ``sha256:…`` in the registry."""

    def fill(self, text: str) -> str:
        """A text with everything filled in."""
        text = text.replace(UNIQUE, self.unique).replace(REGISTRY, self.registry)
        return _DIGEST.sub(lambda match: self.digests.get(match[1], match[0]), text)


def filled(project: Project, names: Names) -> Project:
    """A project with every placeholder filled in."""

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return names.fill(value)
        if isinstance(value, (list, tuple)):
            return type(value)(walk(each) for each in value)
        if isinstance(value, Mapping):
            return {walk(key): walk(each) for key, each in value.items()}
        if isinstance(value, (Item, Image, Project)):
            found = {each.name: walk(getattr(value, each.name)) for each in fields(value)}
            if isinstance(value, Image):
                found["context"] = value.folder
            return type(value)(**found)
        return value

    done = walk(project)
    assert isinstance(done, Project)
    return done


def to_json(case: Case) -> str:
    """A case as text; what is as usual is left out."""
    return json.dumps(_sparse(case), indent=1, sort_keys=True, ensure_ascii=True) + "\n"


def _sparse(value: Any) -> Any:
    if isinstance(value, (Case, Project, Image, Item, Edit)):
        given = {each.name: getattr(value, each.name) for each in fields(value)}
        usual = {
            each.name: each.default if each.default_factory is MISSING else each.default_factory()
            for each in fields(value)
        }
        return {name: _sparse(each) for name, each in given.items() if each != usual[name]}
    if isinstance(value, Mapping):
        return {key: _sparse(each) for key, each in value.items()}
    return [_sparse(each) for each in value] if isinstance(value, tuple) else value


def from_json(text: str) -> Case:
    """The inverse of `to_json`."""
    told: dict[str, Any] = json.loads(text)
    plain = told["project"]
    images = tuple(_image(each) for each in plain.pop("images"))
    files = {path: Item(**each) for path, each in plain.pop("files", {}).items()}
    return Case(
        Project(images, files, **plain),
        Edit(**told.get("edit", {"kind": "none"})),
        tuple(told.get("kinds", ())),
        told.get("name", ""),
        told.get("fresh_publish", False),
    )


def _image(told: dict[str, Any]) -> Image:
    for name in ("lines", "push_stages"):
        told[name] = tuple(told.get(name, ()))
    return Image(**told)
