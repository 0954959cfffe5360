"""The demo: builds the snowboard stack, edits a line, loses everything, and gets it back."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from layers.graph.graph import Layer
from layers.project.backends import Backends
from layers.project.project import Project
from layers.runtime.files import write_whole
from layers.runtime.state import StateFolder
from layers.runtime.units import seconds as as_seconds

EDITED = os.path.join("images", "snowboard", "pose-service", "app.py")
BASE = "base-python-pose"
GOALS = ("base-node", "base-python", BASE, "pose-service", "backend-api", "frontend")


@dataclass(frozen=True)
class Row:
    """One step of the demo: what was done, what it shows, what it cost."""

    did: str
    shows: str
    seconds: float


@dataclass(frozen=True)
class Checkout:
    """Where the demo runs, and on which bases."""

    root: str
    profile: str

    def doit(self, *words: str) -> float:
        """Run one doit command as a user would, output and all; seconds that it took."""
        command = ["doit", f"profile={self.profile}", *words]
        sys.stdout.write(f"\n$ ./run {' '.join(command[1:])}\n")
        sys.stdout.flush()
        begin = time.monotonic()
        done = subprocess.run([sys.executable, "-m", *command], cwd=self.root, check=False)
        if done.returncode != 0:
            raise SystemExit(done.returncode)
        return time.monotonic() - begin

    def project(self) -> Project:
        """What images.toml says."""
        return Project(self.root, profile=self.profile)

    @property
    def edited(self) -> str:
        """The file that a day's work is about."""
        return os.path.join(self.root, EDITED)


@contextlib.contextmanager
def edited(path: str) -> Iterator[None]:
    """A file with one more comment line, never the same twice; as it was afterwards."""
    with open(path, "rb") as file:
        before = file.read()
    try:
        with open(path, "ab") as file:
            file.write(f"# demo edit {time.time_ns()}\n".encode())
        yield
    finally:
        with open(path, "wb") as file:
            file.write(before)


def forget_everything(backends: Backends) -> str:
    """Remove our images from the engine, and the build cache where the engine is our own."""
    environment = {**os.environ, **backends.endpoint.environment}
    cli = backends.endpoint.cli

    def docker(*words: str) -> str:
        done = subprocess.run(
            [cli, *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    found = docker("images", "--filter", "label=io.doit-layers.key", "--format", "{{.ID}}")
    for image in dict.fromkeys(found.split()):
        docker("image", "rm", "--force", image)
    if not backends.endpoint.private:
        return "our images are gone; the build cache is not ours alone and stays"
    docker("builder", "prune", "--all", "--force")
    return "no image and no build cache is left"


def everyday(here: Checkout) -> list[Row]:
    """What a day is like: make it, make it again, edit, take the edit back."""
    rows = [
        Row("doit", "six images, each from the cheapest place", here.doit(*GOALS)),
        Row("doit again", "nothing to do", here.doit(*GOALS)),
    ]
    with edited(here.edited):
        here.doit("list", "pose-service")
        seconds = here.doit("pose-service")
        shows = "put together: no step runs, no base is touched"
        rows.append(Row("edit app.py, doit pose-service", shows, seconds))
    seconds = here.doit("pose-service")
    return [*rows, Row("take the edit back", "the earlier image is found", seconds)]


def fresh_machine(here: Checkout) -> list[Row]:
    """Lose everything but the registry, and get it back."""
    told = forget_everything(Backends(here.project()))
    sys.stdout.write(f"\n# a fresh machine: {told}\n")
    here.doit("plan", *GOALS)
    rows = [Row(f"doit {BASE}", "pulled under its immutable tag", here.doit(BASE))]
    with edited(here.edited):
        seconds = here.doit("pose-service")
        shows = "put together in the registry, then pulled"
        rows.append(Row("edit app.py, doit pose-service", shows, seconds))
    return [*rows, Row("doit", "the rest comes back too", here.doit(*GOALS))]


def remembered(root: str, keys: list[str]) -> list[Row]:
    """What the fresh machine cost when it was shown with these keys; empty when it never was."""
    try:
        with open(StateFolder(root).path("demo.json"), encoding="utf-8") as file:
            told = json.load(file)
        return [Row(*row) for row in told["rows"]] if told["keys"] == keys else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def table(rows: list[Row], earlier: list[Row]) -> str:
    """The steps with what each shows and cost; those of an earlier run are marked."""
    did = max(len(row.did) for row in rows + earlier)
    shows = max(len(row.shows) for row in rows + earlier)
    lines = [f"{'step':<{did}}  {'what it shows':<{shows}}  time"]
    for row in rows + earlier:
        mark = "  (earlier)" if row in earlier else ""
        lines.append(f"{row.did:<{did}}  {row.shows:<{shows}}  {as_seconds(row.seconds)}{mark}")
    return "\n".join(lines) + "\n"


def main(words: list[str]) -> int:
    """Run the demo in the checkout that we stand in and print the table.

    The fresh machine is shown once for each state of the images; ``--full`` shows it again.
    """
    parser = argparse.ArgumentParser(prog="./run demo", description=__doc__)
    parser.add_argument("--full", action="store_true", help="lose everything once more")
    parser.add_argument("--profile", default="local", help="of images.toml (%(default)s)")
    options = parser.parse_args(words)
    root = os.getcwd()
    here = Checkout(root, options.profile)
    rows = everyday(here)
    inputs = here.project().inputs
    keys = [str(inputs.key(Layer(name))) for name in GOALS]
    earlier = [] if options.full else remembered(root, keys)
    if Backends(here.project()).registry_host is None:
        sys.stdout.write("\n" + table(rows, []))
        sys.stdout.write(
            "\nThe rest needs a registry: run one and name it, LAYERS_REGISTRY=127.0.0.1:5000\n"
        )
        return 0
    if not earlier:
        shown = fresh_machine(here)
        rows += shown
        record = {"keys": keys, "rows": [(row.did, row.shows, row.seconds) for row in shown]}
        write_whole(StateFolder(root).path("demo.json"), json.dumps(record).encode())
    sys.stdout.write("\n" + table(rows, earlier))
    if earlier:
        sys.stdout.write("\n./run demo --full loses everything once more and gets it back\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
