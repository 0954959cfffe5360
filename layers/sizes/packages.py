"""Packages: whose files they are, as dpkg, pip and npm tell it inside of an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from layers.assemble.obstacle import Blocked
from layers.assemble.trees.tree import clean
from layers.sizes.files import Files, Place
from layers.sizes.metadata import INFO, STATUS, STATUS_FOLDER, fields

Manager = Literal["dpkg", "pip", "npm"]


class Package(NamedTuple):
    """A package that is installed, and the files of it that are there."""

    manager: Manager
    name: str
    version: str
    where: str
    """The folder that it is in; "" for dpkg's, which are everywhere."""
    size: int
    """Bytes of its files; one that two packages name counts for the first."""
    files: int

    @property
    def identity(self) -> str:
        """The same for the same package in another image, whatever its version."""
        return f"{self.manager} {self.name} {self.where}".rstrip()


class _Owned(NamedTuple):
    manager: Manager
    name: str
    version: str
    where: str
    paths: Iterator[str]


def packages(files: Files) -> tuple[Package, ...]:
    """All packages, the largest first.  Each file is claimed for one of them, see `Place.claim`."""
    texts = {path: place for path, place in files.walk() if place.text}
    found = []
    for number, one in enumerate((*_dpkg(texts), *_pip(texts), *_npm(texts, files))):
        size = count = 0
        for path in one.paths:
            place = _at(files, path)
            if place is not None and place.kind == "file" and place.claim(number):
                size += place.size
                count += 1
        found.append(Package(one.manager, one.name, one.version, one.where, size, count))
    return tuple(sorted(found, key=lambda each: (-each.size, each.identity)))


def _at(files: Files, path: str) -> Place | None:
    try:
        return files.get(path) or files.get(files.resolve(path))
    except Blocked:
        return None


def _dpkg(texts: Mapping[str, Place]) -> Iterator[_Owned]:
    status = texts.get(STATUS)
    for stanza in status.text.split("\n\n") if status is not None else ():
        told = fields(stanza)
        name = told.get("Package", "")
        if not name or told.get("Status", "").split()[-1:] != ["installed"]:
            continue
        names = (f"{name}:{told.get('Architecture', '')}.list", f"{name}.list")
        lists = (texts.get(f"{INFO}/{each}") for each in names)
        lines = next((each.text for each in lists if each is not None), "")
        yield _Owned("dpkg", name, told.get("Version", ""), "", map(clean, lines.splitlines()))
    for path, place in texts.items():
        if path.startswith(f"{STATUS_FOLDER}/") and not path.endswith(".md5sums"):
            told = fields(place.text)
            beside = texts.get(f"{path}.md5sums")
            lines = beside.text if beside is not None else ""
            if name := told.get("Package", ""):
                paths = map(clean, lines.splitlines())
                yield _Owned("dpkg", name, told.get("Version", ""), "", paths)


def _pip(texts: Mapping[str, Place]) -> Iterator[_Owned]:
    for path, place in texts.items():
        if not path.endswith(".dist-info/RECORD"):
            continue
        folder = path.removesuffix("/RECORD")
        root, _, stem = folder.rpartition("/")
        name, _, version = stem.removesuffix(".dist-info").partition("-")
        yield _Owned("pip", name, version, root, _rows(place.text, root))


def _rows(text: str, root: str) -> Iterator[str]:
    for row in text.splitlines():
        yield clean(row if row.startswith("/") else f"{root}/{row}")


def _npm(texts: Mapping[str, Place], files: Files) -> Iterator[_Owned]:
    for path, place in texts.items():
        if not path.endswith("/package.json"):
            continue
        folder = path.removesuffix("/package.json")
        name, _, version = place.text.partition("\n")
        where = folder[: folder.rindex("node_modules/") + len("node_modules")]
        yield _Owned("npm", name, version, where, _below(files, folder))


def _below(files: Files, folder: str) -> Iterator[str]:
    """Files of a package of npm's; what lies in a ``node_modules`` of its own are others'."""
    for name in files.names(folder):
        path = f"{folder}/{name}"
        place = files.get(path)
        if place is not None and place.kind == "dir" and name != "node_modules":
            yield from _below(files, path)
        else:
            yield path
