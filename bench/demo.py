"""The demo: builds the snowboard stack, edits a line, loses everything, and gets it back."""

from __future__ import annotations

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

PROFILE = "local"
EDITED = os.path.join("images", "snowboard", "pose-service", "app.py")
BASE = "base-python-pose"
GOALS = ("base-node", "base-python", BASE, "pose-service", "backend-api", "frontend")


@dataclass(frozen=True)
class Row:
    """One step of the demo: what was done, what it shows, what it cost."""

    did: str
    shows: str
    seconds: float


def doit(root: str, *words: str) -> float:
    """Run one doit command as a user would, output and all; seconds that it took."""
    command = ["doit", f"profile={PROFILE}", *words]
    sys.stdout.write(f"\n$ ./run {' '.join(command[1:])}\n")
    sys.stdout.flush()
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, check=False)
    if done.returncode != 0:
        raise SystemExit(done.returncode)
    return time.monotonic() - begin


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


def everyday(root: str) -> list[Row]:
    """What a day is like: make it, make it again, edit, take the edit back."""
    rows = [
        Row("doit", "six images, each from the cheapest place", doit(root, *GOALS)),
        Row("doit again", "nothing to do", doit(root, *GOALS)),
    ]
    with edited(os.path.join(root, EDITED)):
        doit(root, "list", "pose-service")
        seconds = doit(root, "pose-service")
        rows.append(Row("edit app.py, doit pose-service", "only build and runtime run", seconds))
    seconds = doit(root, "pose-service")
    return [*rows, Row("take the edit back", "the earlier image is found", seconds)]


def fresh_machine(root: str) -> list[Row]:
    """Lose everything but the registry, and get it back."""
    told = forget_everything(Backends(Project(root, profile=PROFILE)))
    sys.stdout.write(f"\n# a fresh machine: {told}\n")
    doit(root, "plan", *GOALS)
    rows = [Row(f"doit {BASE}", "pulled under its immutable tag", doit(root, BASE))]
    with edited(os.path.join(root, EDITED)):
        seconds = doit(root, "pose-service")
        shows = "deps is pulled, none of its steps runs"
        rows.append(Row("edit app.py, doit pose-service", shows, seconds))
    return [*rows, Row("doit", "the rest comes back too", doit(root, *GOALS))]


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
    root = os.getcwd()
    rows = everyday(root)
    inputs = Project(root, profile=PROFILE).inputs
    keys = [str(inputs.key(Layer(name))) for name in GOALS]
    earlier = [] if "--full" in words else remembered(root, keys)
    if Backends(Project(root, profile=PROFILE)).registry_host is None:
        sys.stdout.write("\n" + table(rows, []))
        sys.stdout.write(
            "\nThe rest needs a registry: run one and name it, LAYERS_REGISTRY=127.0.0.1:5000\n"
        )
        return 0
    if not earlier:
        shown = fresh_machine(root)
        rows += shown
        record = {"keys": keys, "rows": [(row.did, row.shows, row.seconds) for row in shown]}
        write_whole(StateFolder(root).path("demo.json"), json.dumps(record).encode())
    sys.stdout.write("\n" + table(rows, earlier))
    if earlier:
        sys.stdout.write("\n./run demo --full loses everything once more and gets it back\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
