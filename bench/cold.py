"""Cold: a runner with nothing publishes an edit of one line, on bases of two sizes."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench import stack
from bench.harness import Case, Sample, median, once, ratio, walls
from bench.push import collect, own_engine
from bench.table import Row
from layers.setup.choose import stop
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places

SIZES = (100_000_000, 500_000_000)
"""Bytes of libraries in the base."""
MOST_SECONDS = 1.5
MOST_BYTES = 1_000_000
ROUNDS = 3
"""At most: every round of the other side pulls the base."""

SPEC = """\
version = 1

[project]
name = "bench-cold"
registry = "{registry}"

[images.base]
context = "base"
push = true

[images.app]
context = "app"
push = true
assemble = true
"""
_SENT = re.compile(r'"GET /v2/\S+ HTTP/[0-9.]+" 2[0-9][0-9] ([0-9]+)')


def run(rounds: int) -> list[Row]:
    """``doit publish`` beside ``docker buildx build --push``, in turns, nothing kept between."""
    home = stack.WORK / "cold"
    endpoint = own_engine(home)
    try:
        found = [_compare(home, endpoint, size, min(rounds, ROUNDS)) for size in SIZES]
        return [row for rows in found for row in rows]
    finally:
        stop(str(home))
        shutil.rmtree(Places.of(str(home)).engine, ignore_errors=True)


def _compare(home: Path, endpoint: Endpoint, size: int, rounds: int) -> list[Row]:
    runner = _Runner(home, endpoint, size)
    runner.prepare()
    times: dict[str, list[Sample]] = {}
    came: dict[str, list[int]] = {}
    ours, plain = runner.cases()
    for number in range(rounds + 1):  # the first is for our listing of the base, made once
        for case in (ours, plain):
            sample = once(case)
            if number:
                times.setdefault(case.name, []).append(sample)
                came.setdefault(case.name, []).append(runner.bytes_sent())
    mine, others = walls(times[ours.name]), walls(times[plain.name])
    one = ratio(mine, others)
    tree = f"base of {size / 1e9:.1f} GB"
    most = max(came[ours.name])
    return [
        Row(
            ours.name,
            plain.name,
            tree,
            str(one),
            f"≤ {MOST_SECONDS} s",
            median(mine) <= MOST_SECONDS,
            f"{median(mine):.2f} s against {median(others):.1f} s",
        ),
        Row(
            "bytes that the registry sent",
            plain.name,
            tree,
            f"{median(came[ours.name]) / median(came[plain.name]):.5f}",
            f"≤ {MOST_BYTES / 1e6:.0f} MB",
            most <= MOST_BYTES,
            f"at most {most:,} against {min(came[plain.name]):,} bytes, by its access log",
        ),
    ]


class _Runner:
    """A machine that is emptied before every run, its registry apart."""

    def __init__(self, home: Path, endpoint: Endpoint, size: int) -> None:
        self.root = home / f"project-{size}"
        self.endpoint, self.size = endpoint, size
        self.log = Path(Places.of(str(home)).registry_log)
        self.numbers = itertools.count(os.getpid() * 1000)
        self.mark = 0

    def prepare(self) -> None:
        """The project, and its base in the registry."""
        shutil.rmtree(self.root, ignore_errors=True)
        for name in ("base", "app"):
            (self.root / name).mkdir(parents=True)
        collect(self.root / "base" / "libraries", self.size)
        (self.root / "base" / "Dockerfile").write_text("FROM scratch\nCOPY . /\nENV A=1\n")
        text = 'FROM base\nWORKDIR /app\nCOPY app.py .\nCMD ["app.py"]\n'
        (self.root / "app" / "Dockerfile").write_text(text)
        (self.root / "app" / "app.py").write_text("print(0)\n")
        (self.root / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
        spec = SPEC.format(registry=self.endpoint.registry)
        (self.root / "images.toml").write_text(spec)
        told = subprocess.run(
            [self.doit, "publish", "base", "--json"],
            cwd=self.root,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        (image,) = json.loads(told)["images"]
        self.base = f"{image['repository']}@{image['digest']}"

    @property
    def doit(self) -> str:
        return str(Path(sys.executable).parent / "doit")

    @property
    def environment(self) -> dict[str, str]:
        more = {**self.endpoint.environment, **stack.ENVIRONMENT}
        return {**os.environ, **more, "LAYERS_REGISTRY": self.endpoint.registry or ""}

    def cases(self) -> tuple[Case, Case]:
        """Ours and the other side."""
        ours = "doit publish app"
        words = [self.doit, "publish", "app"]
        to = f"{self.endpoint.registry}/bench-cold/plain:1"
        line = (
            f"{self.endpoint.cli} buildx build --push --provenance=false --tag={to}"
            f" --build-context=base=docker-image://{self.base} app"
        )
        return (
            self._case(ours, words, "assembled"),
            self._case("docker buildx build --push", ["sh", "-c", line], ""),
        )

    def _case(self, name: str, words: list[str], expect: str) -> Case:
        return Case(name, words, str(self.root), self.environment, self._cold(), expect)

    def _cold(self) -> Callable[[], None]:
        def empty() -> None:
            docker = [self.endpoint.cli]
            for more in (["image", "prune"], ["builder", "prune"]):
                subprocess.run(
                    [*docker, *more, "--all", "--force"],
                    env=self.environment,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            shutil.rmtree(self.root / ".layers", ignore_errors=True)
            (self.root / "app" / "app.py").write_text(f"print({next(self.numbers)})\n")
            self.mark = self.log.stat().st_size

        return empty

    def bytes_sent(self) -> int:
        """What the registry answered to GETs since the run began, in bytes."""
        with self.log.open("rb") as file:
            file.seek(self.mark)
            return sum(map(int, _SENT.findall(file.read().decode(errors="replace"))))
