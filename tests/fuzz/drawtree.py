"""Contexts by lot: nested and empty folders, links of all kinds, modes, odd names, archives."""

from __future__ import annotations

import base64
import gzip
import io
import tarfile
from collections.abc import Sequence
from random import Random

from tests.fuzz.world import NONCE, Item

NAMES = (
    *("a.txt", "b.txt", "c.py", "d.log", "e", "f.md", ".hidden", "x y.txt", "ünï.txt", "[1].txt"),
    *("a*b", "-dash", "#hash", "!bang", "q?.txt", "Main.py", "main.py", "package.json", "UP.TXT"),
)
FOLDERS = ("dir", "src", "sub", "lib.d", "docs", "node_modules", ".git", "deep", "x.txt", "Dir")
FILE_MODES = (0o644, 0o644, 0o644, 0o755, 0o600, 0o664, 0o444, 0o4755)
FOLDER_MODES = (0o755, 0o755, 0o755, 0o700, 0o775, 0o1777, 0o2755)
WORDS = ("one", "two", "three", "four")


def draw_context(rng: Random) -> dict[str, Item]:
    """5 to 25 entries."""
    found: dict[str, Item] = {}
    folders = [""]
    for _ in range(rng.randint(5, 22)):
        parent = rng.choice(folders)
        if rng.random() < 0.25 and parent.count("/") < 3:
            path = join(parent, rng.choice(FOLDERS))
            if path not in found:
                found[path] = Item("dir", rng.choice(FOLDER_MODES))
                folders.append(path)
        else:
            path = join(parent, rng.choice(NAMES))
            if path not in found:
                found[path] = draw_item(rng, path, found)
    if not any(item.kind == "file" for item in found.values()):
        found["a.txt"] = draw_file(rng)
    return found


def draw_item(rng: Random, path: str, among: Sequence[str] | dict[str, Item]) -> Item:
    """A file, link, archive or pipe that may lie at ``path``."""
    lot = rng.random()
    if lot < 0.17:
        return Item("link", 0o777, link_text(rng, path, list(among)))
    if lot < 0.21:
        return Item("file", 0o644, data=archive(rng))
    if lot < 0.225:
        return Item("fifo", 0o644)
    return draw_file(rng)


def draw_file(rng: Random) -> Item:
    """A file with a text that no other case has."""
    text = "" if rng.random() < 0.05 else f"{rng.choice(WORDS)} {NONCE}\n" * rng.randint(1, 2)
    xattr = "v" if rng.random() < 0.03 else ""
    return Item("file", rng.choice(FILE_MODES), text, xattr=xattr)


def link_text(rng: Random, path: str, among: list[str]) -> str:
    """Relative, absolute, out of the context, into nothing, or round in a circle."""
    lot = rng.random()
    name = path.rpartition("/")[2]
    if lot < 0.08:
        return "gone"
    if lot < 0.11:
        return name
    goal = rng.choice(among) if among else "a.txt"
    if lot < 0.3:
        return "/" + goal
    if lot < 0.4:
        return "../../../" + goal
    if lot < 0.45:
        return "."
    up = "../" * path.count("/")
    return (up or ("./" if lot < 0.55 else "")) + goal


def archive(rng: Random) -> str:
    """A small tar, plain or zipped, in base64."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in rng.sample(WORDS, rng.randint(1, 2)):
            info = tarfile.TarInfo(name)
            info.size = 4
            info.mode = rng.choice(FILE_MODES)
            tar.addfile(info, io.BytesIO(b"abcd"))
    data = packed.getvalue()
    return base64.b64encode(gzip.compress(data, mtime=0) if rng.random() < 0.5 else data).decode()


def draw_ignore(rng: Random, context: dict[str, Item]) -> str:
    """An ignore file that mostly speaks of paths that are there."""
    return "".join(draw_pattern(rng, context) + "\n" for _ in range(rng.randint(1, 5)))


def draw_pattern(rng: Random, context: dict[str, Item]) -> str:
    """One line of an ignore file."""
    path = rng.choice(list(context) or ["a"])
    name = path.rpartition("/")[2]
    folder = path.rpartition("/")[0] or path
    forms = (
        *(path, path, name, f"**/{name}", f"/{path}", f"{path}/", f"./{path}", f"{folder}/*"),
        *(f"{folder}/**", f"!{path}", f"!{path}", "*", "**/*.txt", "*.txt", "!*.txt", "*.log"),
        *("# comment", "", f"  {path}  ", f"{folder}/..", "*/*", f"{path[:2]}*", "!**/*.py"),
        *("**/node_modules", ".git", "Dockerfile*", ".dockerignore", f"{name[:1]}?*", "[a-c]*"),
        *("!Dockerfile", f"{folder}**", f"\\{name}", f"!/{folder}", f"!{folder}/*", "**"),
    )
    return rng.choice(forms).replace("\n", "")


def join(parent: str, name: str) -> str:
    """A path below a folder; "" is the context itself."""
    return f"{parent}/{name}" if parent else name
