"""Laying out: a project onto disk, as a checkout."""

from __future__ import annotations

import json
import os
import shutil
import stat
import struct
from collections.abc import Mapping

from tests.fuzz.images.project import Item, Project

BEGIN = 1_600_000_000
"""Seconds; when everything that nobody touched was modified."""
_CAPABILITY = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
"""``cap_net_bind_service=ep`` (linux/capability.h, revision 2)."""
DODO = "from layers.tasks import DOIT_CONFIG, task_layers\n"


def lay(project: Project, root: str, *, quiet: bool = True) -> None:
    """Make ``root`` hold a project; what is there already and right is not touched.

    ``quiet``: what is written gets the common time; else it is as new as it is.
    """
    items = entries(project)
    os.makedirs(root, exist_ok=True)
    for folder, names, files in os.walk(root, topdown=False):
        for name in (*names, *files):
            path = os.path.join(folder, name)
            item = items.get(os.path.relpath(path, root))
            if item is None and not _ours(os.path.relpath(path, root)):
                _remove(path)
    folders = {path for path, item in items.items() if item.kind == "dir"}
    for path in sorted(items, key=lambda each: (items[each].kind == "hard", each)):
        if path not in folders:
            _put(root, path, items, quiet)
        else:
            os.makedirs(os.path.join(root, path), exist_ok=True)
    for path in sorted(folders, reverse=True):
        at = os.path.join(root, path)
        if stat.S_IMODE(os.stat(at).st_mode) != items[path].mode:
            os.chmod(at, items[path].mode)
        if quiet:
            os.utime(at, (BEGIN, BEGIN))


def entries(project: Project) -> dict[str, Item]:
    """Every entry below the root, folders too."""
    found = dict(project.files)
    for image in project.images:
        found[image.path] = Item(text="\n".join(image.lines) + "\n")
        if image.folder not in (".", ""):
            found.setdefault(image.folder, Item("dir", mode=0o755))
    found["images.toml"] = Item(text=spec(project))
    found["dodo.py"] = Item(text=DODO)
    for path in list(found):
        while path := path.rpartition("/")[0]:
            found.setdefault(path, Item("dir", mode=0o755))
    return found


def spec(project: Project) -> str:
    """The text of images.toml."""
    lines = ["version = 1", "[project]", f"name = {_text(project.name)}"]
    if project.platform:
        lines.append(f"platform = {_text(project.platform)}")
    for image in project.images:
        lines.append(f"[images.{_text(image.name)}]")
        lines.append(f"context = {_text(image.folder)}")
        told = {key: getattr(image, key) for key in ("tag", "target", "network")}
        lines += [f"{key} = {_text(value)}" for key, value in told.items() if value]
        if image.dockerfile != "Dockerfile":
            lines.append(f"dockerfile = {_text(image.dockerfile)}")
        if image.push:
            lines.append("push = true")
        if image.push_stages:
            lines.append(f"push_stages = [{', '.join(map(_text, image.push_stages))}]")
        lines += _table("args", image.args)
        lines += _table("contexts", image.contexts)
        for variant, args in image.variants.items():
            lines.append(f"[images.{_text(image.name)}.variants.{_text(variant)}]")
            lines += _table("args", args)
    if project.upstream:
        lines.append("[upstream]")
        lines += [f"{_text(name)} = {_text(to)}" for name, to in project.upstream.items()]
    return "\n".join(lines) + "\n"


def _table(key: str, values: Mapping[str, str]) -> list[str]:
    inside = ", ".join(f"{_text(name)} = {_text(value)}" for name, value in values.items())
    return [f"{key} = {{ {inside} }}"] if values else []


def _text(value: str) -> str:
    return json.dumps(value)


def _ours(path: str) -> bool:
    """What ``doit`` keeps in a checkout."""
    return path.split("/")[0] in (".layers", "images.lock", "__pycache__")


def _put(root: str, path: str, items: Mapping[str, Item], quiet: bool) -> None:
    at, item = os.path.join(root, path), items[path]
    os.makedirs(os.path.dirname(at), exist_ok=True)
    if _right(root, at, item):
        return
    if item.kind != "file" or not os.path.isfile(at) or os.path.islink(at):
        _remove(at)
    if item.kind == "link":
        os.symlink(item.text, at)
    elif item.kind == "fifo":
        os.mkfifo(at)
    elif item.kind == "hard":
        os.link(os.path.join(root, item.text), at, follow_symlinks=False)
        return
    else:
        with open(at, "w", encoding="utf-8", newline="") as file:
            file.write(item.text)
        os.chmod(at, item.mode)
        _mark(at, item)
    if quiet:
        os.utime(at, (BEGIN, BEGIN), follow_symlinks=False)


def _right(root: str, at: str, item: Item) -> bool:
    """Whether an entry is as it should be."""
    try:
        about = os.lstat(at)
    except OSError:
        return False
    if item.kind == "link":
        return stat.S_ISLNK(about.st_mode) and os.readlink(at) == item.text
    if item.kind == "hard":
        of = os.lstat(
            os.path.join(root, item.text)
        )  # which an edit may have made a link to nothing
        return (about.st_dev, about.st_ino) == (of.st_dev, of.st_ino)
    if item.kind == "fifo":
        return stat.S_ISFIFO(about.st_mode)
    if not stat.S_ISREG(about.st_mode) or stat.S_IMODE(about.st_mode) != item.mode:
        return False
    with open(at, "rb") as file:
        return file.read() == item.text.encode()


def _mark(at: str, item: Item) -> None:
    try:
        if item.capability:
            os.setxattr(at, "security.capability", _CAPABILITY)
        if item.xattr:
            os.setxattr(at, "user.fuzz", item.xattr.encode())
    except OSError:  # a file system without them: then neither side sees one
        return


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
