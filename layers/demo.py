"""The demo: builds the snowboard stack, edits a line, loses everything, and gets it back."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from layers.durations import seconds as as_seconds
from layers.project import Project

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


def forget_everything(project: Project) -> str:
    """Remove our images from the engine, and the build cache where the engine is our own."""
    environment = {**os.environ, **project.endpoint.environment}
    cli = project.endpoint.cli

    def docker(*words: str) -> str:
        done = subprocess.run(
            [cli, *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.stdout

    found = docker("images", "--filter", "label=io.doit-layers.key", "--format", "{{.ID}}")
    for image in dict.fromkeys(found.split()):
        docker("image", "rm", "--force", image)
    if not project.endpoint.private:
        return "our images are gone; the build cache is not ours alone and stays"
    docker("builder", "prune", "--all", "--force")
    return "no image and no build cache is left"


def run(root: str) -> list[Row]:
    """All steps of the demo with what each cost."""
    rows: list[Row] = []

    def step(did: str, shows: str, work: Callable[[], float]) -> None:
        rows.append(Row(did, shows, work()))

    step("doit", "six images, each from the cheapest place", lambda: doit(root, *GOALS))
    step("doit again", "nothing to do", lambda: doit(root, *GOALS))
    with edited(os.path.join(root, EDITED)):
        step(
            "edit app.py, doit pose-service",
            "only build and runtime run",
            lambda: doit(root, "pose-service"),
        )
    step("take the edit back", "the earlier image is found", lambda: doit(root, "pose-service"))
    told = forget_everything(Project(root, profile=PROFILE))
    sys.stdout.write(f"\n# a fresh machine: {told}\n")
    step(f"doit {BASE}", "pulled under its immutable tag", lambda: doit(root, BASE))
    with edited(os.path.join(root, EDITED)):
        step(
            "edit app.py, doit pose-service",
            "deps is pulled, none of its steps runs",
            lambda: doit(root, "pose-service"),
        )
    step("doit", "the rest comes back too", lambda: doit(root, *GOALS))
    return rows


def main() -> int:
    """Run the demo in the checkout that we stand in and print the table."""
    rows = run(os.getcwd())
    did = max(len(row.did) for row in rows)
    shows = max(len(row.shows) for row in rows)
    sys.stdout.write(f"\n{'step':<{did}}  {'what it shows':<{shows}}  time\n")
    for row in rows:
        sys.stdout.write(f"{row.did:<{did}}  {row.shows:<{shows}}  {as_seconds(row.seconds)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
