"""A project whose applications only copy files onto a base of a given size, and its registry.

The base is a small file upon an upstream that has the size: no large file is in the checkout.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

from bench import stack
from bench.harness import Case
from bench.push import collect, own_engine, pushed_image
from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from layers.setup.choose import stop
from layers.setup.endpoint import Endpoint
from layers.setup.private.paths import Places

LAYER = 500_000_000
"""Bytes of libraries in a filesystem layer of the base, at most."""
SPEC = """\
version = 1

[project]
name = "bench-copies"
registry = "{registry}"

[images.base]
context = "base"
push = true
"""
IMAGE = """
[images.{name}]
context = "{name}"
push = true
assemble = true
"""
DOCKERFILE = """\
FROM base
WORKDIR /app
COPY app.py .
CMD ["app.py"]
"""
_SENT = re.compile(r'"GET /v2/\S+ HTTP/[0-9.]+" 2[0-9][0-9] ([0-9]+)')
_BROUGHT = re.compile(r'"PUT /v2/\S+/blobs/uploads/\S+digest=([^&\s]+) HTTP/[0-9.]+" 201 ')


@contextlib.contextmanager
def copies(home: Path, size: int, applications: int = 1) -> Iterator[Copies]:
    """The project on an engine of its own; both go, with the registry and all that it has."""
    places = Places.of(str(home))
    project = Copies(home, own_engine(home), size, applications)
    try:
        project.prepare()
        yield project
    finally:
        stop(str(home))
        for folder in (places.engine, places.registry_data, home):
            shutil.rmtree(folder, ignore_errors=True)


class Copies:
    """The project in a folder, on an engine that the benchmark may empty."""

    def __init__(self, home: Path, endpoint: Endpoint, size: int, applications: int = 1) -> None:
        """``size``: bytes of libraries in the base."""
        self.root = home / f"project-{size}"
        self.endpoint, self.size = endpoint, size
        self.names = [f"app{number}" for number in range(applications)]
        places = Places.of(str(home))
        self._log = Path(places.registry_log)
        self._blobs = Path(places.registry_data) / "docker" / "registry" / "v2" / "blobs"
        self._numbers = itertools.count(os.getpid() * 1000)
        self._mark = 0

    def prepare(self) -> None:
        """Write it down, and bring the upstream to the registry; nothing else is built."""
        shutil.rmtree(self.root, ignore_errors=True)
        (self.root / "base").mkdir(parents=True)
        text = f"FROM {self._upstream()}\nCOPY release /etc/\n"
        (self.root / "base" / "Dockerfile").write_text(text)
        for name in self.names:
            (self.root / name).mkdir()
            (self.root / name / "Dockerfile").write_text(DOCKERFILE)
            (self.root / name / "app.py").write_text(f"print({name!r})\n")
        self.refresh()
        (self.root / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
        images = "".join(IMAGE.format(name=name) for name in self.names)
        (self.root / "images.toml").write_text(
            SPEC.format(registry=self.endpoint.registry) + images
        )

    def _upstream(self) -> str:
        """Libraries in as many layers as that many would have: ``REPOSITORY@DIGEST``."""
        folder, layers = self.root / "upstream", max(1, round(self.size / LAYER))
        folder.mkdir()
        lines = ["ENV A=1\n"]
        for number in range(layers):
            collect(folder / f"libraries{number}", self.size // layers)
            lines.append(f"COPY libraries{number} /libraries{number}/\n")
        name = f"{self.endpoint.registry}/bench/upstream"
        pushed_image(self.endpoint, folder, f"{name}:{self.size}", "".join(lines))
        shutil.rmtree(folder)
        registry = HttpRegistry(NoCredentials(), lambda _host: False)
        ((_, digest),) = registry.heads([(name, str(self.size))]).items()
        return f"{name}@{digest}"

    def refresh(self) -> None:
        """Another base: its last layer, a small file, changes."""
        (self.root / "base" / "release").write_text(f"{next(self._numbers)}\n")

    def edit(self) -> None:
        """One line of each application changes."""
        for name in self.names:
            (self.root / name / "app.py").write_text(f"print({next(self._numbers)})\n")

    def keeps_here(self, name: str) -> None:
        """An application goes to no registry."""
        spec = self.root / "images.toml"
        before, head, after = spec.read_text().partition(f"[images.{name}]")
        spec.write_text(before + head + after.replace("push = true\n", "", 1))

    def publish(self, *names: str) -> list[str]:
        """Bring images to the registry where they are not: ``REPOSITORY@DIGEST`` of each."""
        told = subprocess.run(
            [self.doit, "publish", *names, "--json"],
            cwd=self.root,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout
        return [f"{each['repository']}@{each['digest']}" for each in json.loads(told)["images"]]

    @property
    def doit(self) -> str:
        """Our own command."""
        return str(Path(sys.executable).parent / "doit")

    @property
    def environment(self) -> dict[str, str]:
        """Of every command: this engine, this registry."""
        more = {**self.endpoint.environment, **stack.ENVIRONMENT}
        return {**os.environ, **more, "LAYERS_REGISTRY": self.endpoint.registry or ""}

    def case(self, name: str, argv: list[str], before: Callable[[], None], expect: str) -> Case:
        """A command in the project, timed; the registry's log is read from its beginning on."""

        def begin() -> None:
            before()
            self.mark()

        return Case(name, argv, str(self.root), self.environment, begin, expect)

    def shell(self, name: str, lines: list[str], before: Callable[[], None]) -> Case:
        """Commands one after the other, the first failure ends them."""
        return self.case(name, ["sh", "-c", " && ".join(lines)], before, "")

    def forget(self) -> None:
        """Empty the engine of images and cache, and the checkout of all that we remember."""
        for more in (["image", "prune"], ["builder", "prune"]):
            subprocess.run(
                [self.endpoint.cli, *more, "--all", "--force"],
                env=self.environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        shutil.rmtree(self.root / ".layers", ignore_errors=True)

    def mark(self) -> None:
        """Count from here on."""
        self._mark = self._log.stat().st_size

    def bytes_sent(self) -> int:
        """What the registry answered to GETs since the mark, by its access log."""
        return sum(map(int, _SENT.findall(self._since())))

    def brought(self) -> dict[str, int]:
        """Blobs that were uploaded since the mark, by its access log: bytes by digest."""
        digests = map(unquote, _BROUGHT.findall(self._since()))
        return {digest: self._blob(digest).stat().st_size for digest in digests}

    def layers(self, images: list[str]) -> set[str]:
        """The digests of the filesystem layers of images that `publish` told."""
        manifests = [json.loads(self._blob(each.partition("@")[2]).read_bytes()) for each in images]
        return {layer["digest"] for each in manifests for layer in each["layers"]}

    def _blob(self, digest: str) -> Path:
        algorithm, _, value = digest.partition(":")
        return self._blobs / algorithm / value[:2] / value / "data"

    def _since(self) -> str:
        with self._log.open("rb") as file:
            file.seek(self._mark)
            return file.read().decode(errors="replace")
