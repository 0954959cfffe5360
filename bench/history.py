"""History: the last commits of this repository, each built by doit, and what was expected of it."""

from __future__ import annotations

import io
import json
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench import stack
from bench.harness import Unexpected
from bench.push import own_engine, shell_image
from bench.table import Row
from layers.project.history import History
from layers.setup.choose import stop
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places

COMMITS = 40
"""At most: those that changed what the images are made from."""
FEWEST = 10
"""Predictions; a median of fewer says nothing."""
MOST = 0.25
PARTS = ("layers", "hashes", "docs", "tests", "pyproject.toml", "README.md")

SPEC = """\
version = 1

[project]
name = "bench-history"
registry = "{registry}"

[images.tool]
context = "source"
dockerfile = "../tool.Dockerfile"
push = true
push_stages = ["deps"]

[images.tests]
context = "source"
dockerfile = "../tests.Dockerfile"

[images.pages]
context = "source"
dockerfile = "../pages.Dockerfile"
push = true
"""
WORK = "RUN for n in $(seq 12); do tar -c {path} | gzip -9 >/dev/null || exit 1; done\n"
"""As long as there are many sources: a stand-in for a compiler."""
DOCKERFILES = {
    "tool": "FROM {registry}/bench/busybox:1 AS deps\nCOPY pyproject.toml /deps/\n"
    "RUN dd if=/dev/urandom bs=1M count=300 2>/dev/null | gzip >/dev/null\n"
    "FROM deps\nCOPY hashes /src/hashes\nCOPY layers /src/layers\n" + WORK.format(path="/src"),
    "tests": "FROM tool\nCOPY tests /tests\n" + WORK.format(path="/tests"),
    "pages": "FROM {registry}/bench/busybox:1\nCOPY README.md docs /docs/\n"
    + WORK.format(path="/docs"),
}


class Guess(NamedTuple):
    """What was expected of some work, and what it took; both in seconds."""

    expected: float
    took: float

    @property
    def error(self) -> float:
        """The difference as a share of what it took."""
        return abs(self.expected - self.took) / self.took


def run(_rounds: int) -> list[Row]:
    """Build commit after commit; each build is predicted from those before it alone."""
    home = stack.WORK / "history"
    shutil.rmtree(Places.of(str(home)).registry_data, ignore_errors=True)  # it has times, too
    endpoint = own_engine(home)
    try:
        built = commits()
        runs = _replay(home, endpoint, built)
        recorded = (home / ".layers" / "history.jsonl").read_bytes().splitlines()
        guesses = predicted(json.loads(line) for line in recorded)
    finally:
        stop(str(home))
        shutil.rmtree(Places.of(str(home)).engine, ignore_errors=True)
    tree = f"{len(built)} commits of this repository, 4 layers"
    return [
        as_row("a build, predicted from those before it", tree, guesses, MOST),
        as_row("a whole run, as doit plan tells it", tree, runs, None),
    ]


def commits() -> list[str]:
    """The last commits that changed a part of the images, oldest first."""
    words = ["git", "log", "--first-parent", f"-{COMMITS}", "--format=%H", "--", *PARTS]
    done = subprocess.run(words, cwd=stack.CHECKOUT, check=True, capture_output=True, text=True)
    return done.stdout.split()[::-1]


def predicted(records: Iterable[Mapping[str, Any]]) -> list[Guess]:
    """What a history with all earlier records expects of each build in it."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        history = History(f"{folder}/history.jsonl")
        for each in records:
            if each["action"] != "build" or not each["ok"] or each.get("elsewhere"):
                continue
            expected = history.expected(each["layer"], "build")
            if expected is not None:
                found.append(Guess(expected, each["seconds"]))
            history.record(each["layer"], "build", each["key"], each["seconds"], ok=True)
    return found


def _replay(home: Path, endpoint: Endpoint, built: Sequence[str]) -> list[Guess]:
    """Build each commit; of each run whose builds were all seen before, what was expected."""
    (home / ".layers" / "history.jsonl").unlink(missing_ok=True)
    shell_image(home, endpoint)
    for name, text in DOCKERFILES.items():
        (home / f"{name}.Dockerfile").write_text(text.format(registry=endpoint.registry))
    (home / "images.toml").write_text(SPEC.format(registry=endpoint.registry))
    (home / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    found = []
    for number, commit in enumerate(built):
        _check_out(home / "source", commit)
        told = json.loads(_doit(home, "plan", "--json"))["sum"]
        begin = time.monotonic()
        _doit(home)
        took = time.monotonic() - begin
        if told["build"] and told["seconds"] is not None and not told["unknown"]:
            found.append(Guess(told["seconds"], took))
        sys.stderr.write(f"history: {number + 1}/{len(built)} {commit[:9]} {took:.1f} s\n")
    return found


def _check_out(folder: Path, commit: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    words = ["git", "archive", commit, *PARTS]
    done = subprocess.run(words, cwd=stack.CHECKOUT, check=True, capture_output=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


def _doit(home: Path, *words: str) -> str:
    argv = [str(Path(sys.executable).parent / "doit"), *words]
    done = subprocess.run(argv, cwd=home, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Unexpected(f"{' '.join(['doit', *words])}: {done.stdout[-3000:]}{done.stderr}")
    return done.stdout


def as_row(what: str, tree: str, guesses: Sequence[Guess], most: float | None) -> Row:
    """The figure; ``most``: the median error that is to be reached.  Raises Unexpected."""
    if len(guesses) < FEWEST:
        raise Unexpected(f"{len(guesses)} predictions: this checkout has too little history")
    errors = sorted(each.error for each in guesses)
    middle = statistics.median(errors)
    nine = errors[int(0.9 * (len(errors) - 1))]
    return Row(
        what,
        "what it took",
        tree,
        f"{len(errors)} times; median error {middle:.0%}, nine of ten within {nine:.0%}",
        f"≤ {most:.0%}" if most else "",
        middle <= most if most else None,
        f"it took {statistics.median(each.took for each in guesses):.1f} s in the median",
    )
