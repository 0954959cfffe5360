"""Trees: repositories of any size, the same bytes at every run, for us, bake and turbo alike."""

from __future__ import annotations

import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

PER_FOLDER = 50
"""Files in one folder."""


@dataclass(frozen=True)
class Shape:
    """How large a tree is."""

    name: str
    images: int
    files: int
    """In all images together."""
    size: int
    """Bytes in all files together."""

    @property
    def words(self) -> str:
        """For a table."""
        return f"{self.images} images, {self.files:,} files, {self.size / 1e6:.0f} MB"


SMALL = Shape("small", 6, 360, 1_000_000)
MIDDLE = Shape("middle", 6, 6_000, 200_000_000)
LARGE = Shape("large", 100, 100_000, 200_000_000)


def make_tree(root: Path, shape: Shape) -> None:
    """Write a tree unless it is there: a base, and images on it; a file is text that compresses
    like code.
    """
    done = root / ".complete"
    if done.exists() and done.read_text() == repr(shape):
        return
    names = image_names(shape)
    each, size = shape.files // shape.images, shape.size // shape.files
    random_source = random.Random(1)
    for number, name in enumerate(names):
        folder = root / name
        for index in range(each):
            at = folder / "src" / f"part{index // PER_FOLDER:02}"
            at.mkdir(parents=True, exist_ok=True)
            half = random_source.randbytes(size // 4).hex()
            (at / f"file{index % PER_FOLDER:02}.txt").write_text(f"{half}\n{' ' * (size // 2)}\n")
        base = "scratch" if number == 0 else names[0]
        (folder / "Dockerfile").write_text(f"FROM {base}\nCOPY src /{name}\n")
    _describe(root, names)
    done.write_text(repr(shape))


def image_names(shape: Shape) -> list[str]:
    """The images of a tree, the base first."""
    return ["base", *(f"service-{number:02}" for number in range(1, shape.images))]


def _describe(root: Path, names: list[str]) -> None:
    """The same graph in the language of each tool."""
    spec = ["version = 1", "", "[project]", f'name = "bench-{root.name}"', ""]
    bake: dict[str, object] = {}
    for name in names:
        base = {"contexts": {"base": "target:base"}} if name != names[0] else {}
        spec += [f"[images.{name}]", f'context = "{name}"', f'tag = "bench-{root.name}-{name}"', ""]
        bake[name] = {"context": name, "tags": [f"bake-{root.name}-{name}"], **base}
        package: dict[str, object] = {"name": name, "version": "1.0.0"}
        package["scripts"] = {"build": "echo built"}
        if name != names[0]:
            package["dependencies"] = {names[0]: "1.0.0"}
        _json(root / name / "package.json", package)
    (root / "images.toml").write_text("\n".join(spec))
    (root / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    _json(root / "bake.json", {"group": {"default": {"targets": names}}, "target": bake})
    workspace = {
        "name": "bench",
        "private": True,
        "packageManager": "npm@10.0.0",
        "workspaces": names,
    }
    _json(root / "package.json", workspace)
    _json(root / "turbo.json", {"tasks": {"build": {"dependsOn": ["^build"]}}})
    (root / ".gitignore").write_text("node_modules\n.turbo\n.layers\n.complete\n")


def commit(root: Path) -> None:
    """Put a tree under git, as turbo likes it best."""
    if (root / ".git").exists():
        return
    who = {"GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@localhost"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "tree"]):
        subprocess.run(["git", *words], cwd=root, check=True, env={**os.environ, **who})


def _json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")
