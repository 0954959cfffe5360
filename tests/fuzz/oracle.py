"""The oracle: BuildKit on a real engine, asked what it runs and what the image then holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.engine.errors import is_own
from layers.engine.http import Connection
from layers.setup.endpoint import Endpoint
from tests.e2e.lab import steps_that_ran
from tests.fuzz.draw import BASE
from tests.fuzz.keys import ENV
from tests.fuzz.world import World, put

BASE_DOCKERFILE = (
    "FROM scratch\nCOPY root /\nENV " + " ".join(f"{k}={v}" for k, v in ENV.items()) + "\n"
)
UNFORESEEABLE = re.compile(
    r"did not complete successfully|no users? found|failed to calculate checksum of ref .*\[stage|"
    r"unable to find (?:user|group)|cannot (?:overwrite|copy|replace)|not a directory|"
    r"can't be used|file exists|is a directory|invalid user index|not found: .*passwd|"
    r"device or resource busy|"
    r"read-only file system|no such file or directory: unknown|runc run failed|git error"
)
"""What no reading of the inputs tells beforehand."""
TRIES = 3
"""How often a build is begun that ends by the engine's own fault."""


@dataclass(frozen=True)
class Truth:
    """What one build did."""

    ran: tuple[str, ...] = ()
    refused: str = ""
    failed: str = ""
    """The step that failed."""
    engine: str = ""
    """The engine's own fault that ended every try; then nothing is known."""
    content: Mapping[str, object] = field(default_factory=dict)
    """The image's configuration and layers; empty when they were not asked for."""

    @property
    def unforeseeable(self) -> bool:
        """Whether it failed for a reason that lies in what a step did."""
        return "--from=" in self.failed or bool(UNFORESEEABLE.search(self.refused))


class Oracle:
    """Builds worlds, each under names that BuildKit has never seen."""

    def __init__(self, endpoint: Endpoint, job: str = "0") -> None:
        self.endpoint = endpoint
        self.builds = 0
        self.faults = 0
        """Builds that the engine's own fault ended."""
        self._root = tempfile.mkdtemp(prefix=f"fuzz{job}-")
        self._image = f"fuzz/{uuid.uuid4().hex[:8]}:{job}"
        config = endpoint.environment.get("DOCKER_CONFIG", "")
        plugin = os.path.join(config, "cli-plugins", "docker-buildx")
        self._program = [plugin] if os.access(plugin, os.X_OK) else [endpoint.cli, "buildx"]
        self._environ = {
            **os.environ,
            **endpoint.environment,
            "BUILDX_CONFIG": os.path.join(self._root, "buildx"),
            "SOURCE_DATE_EPOCH": "1600000000",
            "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        }

    def close(self) -> None:
        """Take everything back."""
        shutil.rmtree(self._root, ignore_errors=True)
        subprocess.run(
            [self.endpoint.cli, "image", "rm", "--force", self._image],
            env=self._environ,
            capture_output=True,
            check=False,
        )

    def prepared(self) -> bool:
        """Whether the base image is there."""
        return self._get(f"/images/{BASE}/json") is not None

    def prepare(self, busybox: str) -> None:
        """Make the base image from a static busybox."""
        folder = os.path.join(self._root, "base")
        for each in ("bin", "etc"):
            os.makedirs(os.path.join(folder, "root", each), exist_ok=True)
        shutil.copy(busybox, os.path.join(folder, "root", "bin", "busybox"))
        for name in ("sh", "true", "echo", "cat"):
            os.symlink("busybox", os.path.join(folder, "root", "bin", name))
        for name, text in (
            ("etc/passwd", "root:x:0:0::/:/bin/sh\nu:x:1000:1000::/:/bin/sh\n"),
            ("etc/group", "root:x:0:\nu:x:1000:\n"),
            ("../Dockerfile", BASE_DOCKERFILE),
        ):
            with open(os.path.join(folder, "root", name), "w", encoding="utf-8") as file:
                file.write(text)
        done = self._buildx(["--tag", BASE, folder])
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])

    def build(self, world: World, nonce: str, *, content: bool) -> Truth:
        """Build a world; ``content``: tell what the image holds, too."""
        suffix = f"-{uuid.uuid4().hex[:12]}"
        place = put(world, self._root, nonce, suffix)
        try:
            words = [f"--file={place.dockerfile}", "--progress=rawjson"]
            words += ["--output", f"type=image,name={self._image}" if content else "type=cacheonly"]
            words += [f"--build-arg={name}={value}" for name, value in world.args.items()]
            if world.target:
                words.append(f"--target={world.target}")
            return self._tried([*words, place.context], content=content)
        finally:
            shutil.rmtree(place.context, ignore_errors=True)
            shutil.rmtree(os.path.dirname(place.dockerfile), ignore_errors=True)

    def _tried(self, words: list[str], *, content: bool) -> Truth:
        """Build, again where the engine's own fault ended it: that is no verdict on a world.

        What ran in a try that came to nothing is in the cache of the next, and has run.
        """
        ran: set[str] = set()
        message = ""
        for _ in range(TRIES):
            done = self._buildx(words)
            self.builds += 1
            ran.update(steps_that_ran(done.stderr))
            if not done.returncode:
                return Truth(tuple(sorted(ran)), content=self._content() if content else {})
            message = _message(done.stderr)
            if not is_own(message):
                return Truth(refused=message, failed=_failed(done.stderr))
            self.faults += 1
        return Truth(engine=message)

    def _buildx(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._program, "build", "--provenance=false", *words],
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            errors="replace",
            timeout=300,
        )

    def _get(self, path: str) -> Any:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(self.endpoint.host.removeprefix("unix://"))
            connection = Connection(client, 60)
            head = f"GET {path} HTTP/1.1\r\nHost: docker\r\n"
            connection.send((head + "Connection: close\r\n\r\n").encode())
            reply = connection.reply()
            connection.close()
        return json.loads(reply.body) if reply.status == 200 else None

    def _content(self) -> dict[str, object]:
        told = self._get(f"/images/{self._image}/json")
        config = {k: v for k, v in told["Config"].items() if k not in ("Image", "Hostname")}
        return {"config": config, "layers": told["RootFS"], "author": told.get("Author", "")}


def _failed(stderr: str) -> str:
    found = re.search(r'"name": "(\[.*)",\n(?:[^}]*\n)*?\s*"error":', stderr)
    return found[1] if found else ""


def _message(stderr: str) -> str:
    found = re.findall(r"(?m)^ERROR: .*", stderr)
    return found[-1][:1000] if found else stderr[-500:]
