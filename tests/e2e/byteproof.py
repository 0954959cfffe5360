"""Edits that BuildKit does not see, built by us and by ``docker buildx build`` side by side.

``python -m tests.e2e.byteproof --edits 1000 --seed 1`` starts an engine of its own for them.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import stat
import subprocess
import tarfile
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from layers.build.execute import carry_out
from layers.plan.session import Session
from layers.project.backends import Backends
from layers.project.project import Project
from layers.runtime.events import Event, Output
from layers.setup.choose import ensure, stop

Tree = dict[str, tuple[str, int, bytes]]
"""Path → kind, mode, bytes or link text."""

MTIME = 1_600_000_000_123_456_789
SPEC = 'version = 1\n[project]\nname = "NAME"\n[images.app]\ncontext = "app"\ntag = "NAME-app"\n'
DOCKERFILE = 'FROM scratch\nCOPY . /c/\nCMD ["x"]\n'
FOLDERS = ("d", "d/e", "g")


@dataclass
class Checkout:
    """One repository with one image, which copies its whole context."""

    root: Path
    name: str

    @property
    def context(self) -> Path:
        """The folder that is sent."""
        return self.root / "app"

    def make(self, chance: random.Random) -> None:
        """Write the first state: sizes and mtimes are the same in every checkout."""
        self.context.mkdir(parents=True)
        (self.root / "images.toml").write_text(SPEC.replace("NAME", self.name))
        put(self.context / "Dockerfile", DOCKERFILE.encode())
        for folder in FOLDERS:
            (self.context / folder).mkdir()
        for folder in ("", *FOLDERS):
            for number in range(4):
                put(self.context / folder / f"f{number}", content(chance))
            link(self.context / folder / "l0", f"f{chance.randrange(4)}")

    def tree(self) -> Tree:
        """What an image must hold."""
        found: Tree = {}
        for path in sorted(self.context.rglob("*")):
            status = path.lstat()
            name = str(path.relative_to(self.context))
            if stat.S_ISLNK(status.st_mode):
                found[name] = ("link", 0, os.readlink(path).encode())
            elif stat.S_ISDIR(status.st_mode):
                found[name] = ("dir", status.st_mode & 0o7777, b"")
            else:
                found[name] = ("file", status.st_mode & 0o7777, path.read_bytes())
        return found


def content(chance: random.Random) -> bytes:
    """Bytes of ever the same number."""
    return b"%016x" % chance.getrandbits(64)


def put(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whose mtime is that of all others."""
    path.write_bytes(data)
    path.chmod(mode)
    os.utime(path, ns=(MTIME, MTIME))


def link(path: Path, text: str) -> None:
    """Make a link whose mtime is that of all others."""
    path.symlink_to(text)
    os.utime(path, ns=(MTIME, MTIME), follow_symlinks=False)


# -- edits: each keeps sizes and mtimes ----------------------------------------------------------


def _files(checkout: Checkout) -> list[Path]:
    every = sorted(checkout.context.rglob("[fl]?"))
    return [path for path in every if path.is_file() and not path.is_symlink()]


def rewrite(checkout: Checkout, chance: random.Random) -> None:
    """Other bytes."""
    path = chance.choice(_files(checkout))
    put(path, content(chance), stat.S_IMODE(path.stat().st_mode))


def swap(checkout: Checkout, chance: random.Random) -> None:
    """Two files change places."""
    one, two = chance.sample(_files(checkout), 2)
    aside = checkout.root / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def chmod_folder(checkout: Checkout, chance: random.Random) -> None:
    """Another mode for a directory."""
    folder = checkout.context / chance.choice(FOLDERS)
    modes = {0o755, 0o700, 0o775, 0o2755} - {stat.S_IMODE(folder.stat().st_mode)}
    folder.chmod(chance.choice(sorted(modes)))


def chmod_file(checkout: Checkout, chance: random.Random) -> None:
    """Another mode for a file."""
    path = chance.choice(_files(checkout))
    path.chmod(stat.S_IMODE(path.stat().st_mode) ^ 0o111)


def turn(checkout: Checkout, chance: random.Random) -> None:
    """A link becomes a file, a file becomes a link."""
    folder = checkout.context / chance.choice(("", *FOLDERS))
    path = folder / chance.choice(("l0", "f3"))
    was_link = path.is_symlink()
    path.unlink()
    if was_link:
        put(path, content(chance))
    else:
        link(path, f"f{chance.randrange(3)}")


def retarget(checkout: Checkout, chance: random.Random) -> None:
    """A link's text of the same length, or a link in place of a file."""
    path = checkout.context / chance.choice(("", *FOLDERS)) / "l0"
    text = os.readlink(path) if path.is_symlink() else ""
    path.unlink()
    link(path, chance.choice([each for each in ("f0", "f1", "f2") if each != text]))


def fold(checkout: Checkout, chance: random.Random) -> None:
    """A directory becomes a link, and a directory again."""
    path = checkout.context / "x"
    if path.is_symlink():
        path.unlink()
        path.mkdir()
        put(path / "f0", content(chance))
    elif path.is_dir():
        shutil.rmtree(path)
        link(path, "g")
    else:
        link(path, "d")


def ordinary(checkout: Checkout, chance: random.Random) -> None:
    """What an editor does: other bytes, a new mtime."""
    path = chance.choice(_files(checkout))
    path.write_bytes(content(chance))


EDITS: Mapping[Callable[[Checkout, random.Random], None], int] = {
    rewrite: 8,
    swap: 3,
    chmod_folder: 3,
    chmod_file: 1,
    turn: 2,
    retarget: 1,
    fold: 1,
    ordinary: 1,
}
"""Edit → how often, against the others."""


# -- both builders ---------------------------------------------------------------------------------


@dataclass
class Figures:
    """What a series of edits gave."""

    edits: Counter[str] = field(default_factory=Counter)
    ours: list[str] = field(default_factory=list)
    """Builds of ours that did not hold what was on disk."""
    stock: Counter[str] = field(default_factory=Counter)
    """Builds of docker's own that did not, by edit."""
    whole: int = 0
    """Builds of ours that sent everything because something was suspicious."""
    seconds: float = 0.0

    def text(self) -> str:
        """Two lines for people."""
        total = sum(self.edits.values())
        return (
            f"{total} edits ({', '.join(f'{k} {v}' for k, v in sorted(self.edits.items()))})\n"
            f"stale: ours {len(self.ours)}, docker buildx build {sum(self.stock.values())} "
            f"({', '.join(f'{k} {v}' for k, v in sorted(self.stock.items()))}); "
            f"{self.whole} whole transfers; {self.seconds:.0f} s"
        )


def ours(checkout: Checkout, told: list[Event]) -> Tree:
    """Build as ``doit`` does, and read the image."""
    run = Session.begin(Project(str(checkout.root)), told.append)
    try:
        for step in run.planner.plan.steps.values():
            carry_out(run, step)  # where the key is known, the name moves back to its image
        return _image(run.backends, f"{checkout.name}-app:latest")
    finally:
        run.project.cache.save()


def _image(backends: Backends, name: str) -> Tree:
    from docker import DockerClient

    client = DockerClient(base_url=backends.endpoint.host)
    try:
        container = client.containers.create(name, ["x"], network_mode="none")
        try:
            stream, _ = container.get_archive("/c")
            return _tree(b"".join(stream))
        finally:
            container.remove()
    finally:
        client.close()


def stock(checkout: Checkout) -> Tree:
    """Build with the CLI alone, and read what it gives."""
    done = subprocess.run(
        ["docker", "buildx", "build", "--quiet", "--output=type=tar,dest=-", checkout.context],
        capture_output=True,
        check=True,
    )
    return _tree(done.stdout)


def _tree(data: bytes) -> Tree:
    found: Tree = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            name = member.name.strip("/").removeprefix("c").lstrip("/")
            if not name:
                continue
            if member.issym():
                found[name] = ("link", 0, member.linkname.encode())
            elif member.isdir():
                found[name] = ("dir", member.mode & 0o7777, b"")
            else:
                file = archive.extractfile(member)
                assert file is not None
                found[name] = ("file", member.mode & 0o7777, file.read())
    return found


def prove(folder: Path, edits: int, seed: int, *, every_stock: int = 1) -> Figures:
    """Make edits in two checkouts of one name, build after each, compare with the disk.

    ``every_stock``: docker's own build runs after every so many edits.
    """
    chance = random.Random(seed)
    figures = Figures()
    begin = time.monotonic()
    name = f"bp{uuid.uuid4().hex[:8]}"
    pair = [Checkout(folder / side / "repo", name + side) for side in ("a", "b")]
    for checkout in pair:
        checkout.make(chance)
        told: list[Event] = []
        if ours(checkout, told) != checkout.tree():
            figures.ours.append("first build")
        figures.stock["first build"] += stock(checkout) != checkout.tree()
    kinds = [edit for edit, often in EDITS.items() for _ in range(often)]
    for number in range(edits):
        checkout = chance.choice(pair)
        edit = chance.choice(kinds)
        edit(checkout, chance)
        figures.edits[edit.__name__] += 1
        told = []
        if ours(checkout, told) != checkout.tree():
            figures.ours.append(f"edit {number}: {edit.__name__}")
        figures.whole += any(
            isinstance(event, Output) and event.line.startswith("all files are sent")
            for event in told
        )
        if number % every_stock == 0:
            figures.stock[edit.__name__] += stock(checkout) != checkout.tree()
    figures.seconds = time.monotonic() - begin
    figures.stock = +figures.stock
    return figures


def main() -> None:
    """Start an engine beside the checkout's own, run, stop it."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.byteproof")
    parser.add_argument("--edits", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stock", type=int, default=1, metavar="N", help="after every N edits")
    wanted = parser.parse_args()
    here = Path(__file__).resolve().parents[2] / ".layers" / "engine" / "packages"
    for name in ("DOCKER_HOST", "DOCKER_CONFIG"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory(prefix="byteproof-") as folder:
        root = Path(folder) / "engine"
        (root / ".layers" / "engine").mkdir(parents=True)
        if here.is_dir():
            (root / ".layers" / "engine" / "packages").symlink_to(here)
        try:
            os.environ.update(ensure(str(root), lambda event: None).environment)
            figures = prove(Path(folder), wanted.edits, wanted.seed, every_stock=wanted.stock)
        finally:
            stop(str(root))
    print(figures.text())
    for line in figures.ours:
        print(f"STALE {line}")
    raise SystemExit(bool(figures.ours) or not figures.stock)


if __name__ == "__main__":
    main()
