"""The lab: an engine and a registry that belong to the tests alone, and small repositories."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from layers.setup.endpoint import Endpoint

CHECKOUT = Path(__file__).resolve().parents[2]
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
"""Which of the processes that share the tests this one is (pytest-xdist); "" where one does all."""


def lab_folder(name: str) -> Path:
    """Where an engine of this process's own lives: processes side by side share none."""
    return CHECKOUT / ".layers" / (f"{name}-{WORKER}" if WORKER else name)


ANSI = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@dataclass
class Run:
    """What one command printed and how it ended."""

    status: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        """Everything that it printed, without colours."""
        return ANSI.sub("", self.out + self.err)


@dataclass
class Lab:
    """An engine and a registry for tests; emptying them harms nobody."""

    endpoint: Endpoint
    registry_log: Path
    classic: bool = False
    """Whether the engine has the classic image store, whose ids are not digests."""

    @property
    def registry(self) -> str:
        """``127.0.0.1:port``."""
        assert self.endpoint.registry is not None
        return self.endpoint.registry

    def docker(self, *words: str, check: bool = True) -> str:
        """Run the docker CLI against the lab's engine."""
        done = subprocess.run(
            [self.endpoint.cli, *words],
            env={**os.environ, **self.endpoint.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def empty(self) -> None:
        """A fresh machine: no image, no build cache."""
        images = dict.fromkeys(self.docker("images", "--all", "--quiet").split())
        if images:
            self.docker("image", "rm", "--force", *images, check=False)
        self.docker("builder", "prune", "--all", "--force")

    def digest(self, repository: str, tag: str) -> str:
        """What the registry says that a tag points at."""
        found = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
        return str(found.heads([(repository, tag)])[repository, tag])

    def identity(self, repository: str, digest: str) -> str:
        """What the engine calls an image of the registry by itself."""
        if not self.classic:
            return digest
        manifest = HttpRegistry(NoCredentials(), lambda _host: False).manifest(repository, digest)
        assert manifest is not None
        return str(manifest.content["config"]["digest"])

    def requests(self) -> list[str]:
        """What the registry was asked so far, ``METHOD path``, from its own access log."""
        text = self.registry_log.read_text(errors="replace") if self.registry_log.exists() else ""
        return [f"{m[1]} {m[2]}" for m in re.finditer(r'"([A-Z]+) (/v2/\S*) HTTP', text)]


@dataclass
class Workspace:
    """A small repository of its own, used as a user would use it: files and ``doit``."""

    lab: Lab
    root: Path
    name: str
    environment: dict[str, str] = field(default_factory=dict)

    def write(self, files: Mapping[str, str]) -> None:
        """Write files below the root; a path that ends with ``*`` becomes executable."""
        for path, text in files.items():
            at = self.root / path.rstrip("*")
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_text(text)
            at.chmod(0o755 if path.endswith("*") else 0o644)

    def read(self, path: str) -> str:
        """A file's text."""
        return (self.root / path).read_text()

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace some text that must be there."""
        text = self.read(path)
        assert old in text
        (self.root / path).write_text(text.replace(old, new))

    def environ(self, **more: str) -> dict[str, str]:
        """The environment of a command in this repository."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LAYERS_")}
        clean |= self.lab.endpoint.environment
        clean |= {"LAYERS_REGISTRY": self.lab.registry, "PYTHONPATH": str(CHECKOUT)}
        return clean | self.environment | more

    def command(self, *words: str) -> list[str]:
        """The argv of a doit command."""
        return [sys.executable, "-m", "doit", *words]

    def doit(self, *words: str, status: int | None = 0, **more: str) -> Run:
        """Run doit here; fails the test when it ends with another status than expected."""
        shutil.rmtree(self.root / ".layers" / "logs", ignore_errors=True)
        begin = time.monotonic()
        done = subprocess.run(
            self.command(*words),
            cwd=self.root,
            env=self.environ(**more),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        run = Run(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)
        assert status is None or run.status == status, f"status {run.status}\n{run.text}"
        assert "Traceback" not in run.text, run.text
        return run

    def states(self) -> dict[str, str]:
        """``doit list --json`` as layer → state."""
        told = json.loads(self.doit("list", "--json").out)
        return {layer["name"]: layer["state"] for layer in told["layers"]}

    def reasons(self, layer: str) -> str:
        """The reasons that ``doit list --json`` gives for a layer."""
        told = json.loads(self.doit("list", "--json").out)
        return "; ".join(next(la["reasons"] for la in told["layers"] if la["name"] == layer))

    def ran(self) -> dict[str, list[str]]:
        """Layer → steps that ran in the last command, from BuildKit's own rawjson record.

        A layer that was not built at all is absent.
        """
        found: dict[str, list[str]] = {}
        for record in sorted((self.root / ".layers" / "logs").glob("*/build.rawjson")):
            found[record.parent.name.replace(".", ":")] = steps_that_ran(record.read_text())
        return found

    def image(self, name: str) -> str:
        """The digest behind a plain name in the engine, "" when it is unknown there."""
        return self.lab.docker("images", "--quiet", "--no-trunc", f"{self.tag(name)}:latest")

    def tag(self, name: str) -> str:
        """The plain name that this workspace gives an image."""
        return f"{self.name}-{name}"


def steps_that_ran(rawjson: str) -> list[str]:
    """Read BuildKit's record on our own: steps of the Dockerfile that completed uncached."""
    decoder = json.JSONDecoder()
    steps: dict[str, dict[str, object]] = {}
    at = 0
    while (at := rawjson.find("{", at)) >= 0:
        try:
            told, end = decoder.raw_decode(rawjson, at)
        except ValueError:
            break
        at = end
        for vertex in told.get("vertexes") or ():
            steps.setdefault(vertex["digest"], {}).update(vertex)
    return [
        str(step["name"])
        for step in steps.values()
        if str(step["name"]).startswith("[")
        and not str(step["name"]).startswith(("[internal]", "[context "))
        and " FROM " not in str(step["name"])
        and step.get("completed")
        and not step.get("cached")
        and not step.get("error")
    ]
