"""Stacks of this checkout, built by its own command, as containers for tests."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

from layers.runtime.events import silent
from layers.setup.choose import ensure
from layers.setup.endpoint import Endpoint
from tests.e2e.lab import CHECKOUT

Colour = tuple[int, int, int]


@dataclass
class Answer:
    """What an HTTP request got; errors are answers, too."""

    status: int
    body: bytes
    headers: Message

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(url: str, body: bytes | None = None) -> Answer:
    """A GET, or a POST of ``body``."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=60) as answer:
            return Answer(answer.status, answer.read(), answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), error.headers)


class Stack:
    """Images that doit made, on the engine that has them."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def call(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the docker CLI, whatever comes of it."""
        environment = {**os.environ, **self.endpoint.environment, **variables}
        return subprocess.run(
            [self.endpoint.cli, *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def docker(self, *words: str, **variables: str) -> str:
        """Run the docker CLI; what it printed."""
        done = self.call(*words, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def container(self, *words: str) -> Iterator[str]:
        """``docker run --detach``; the container is removed in the end."""
        found = self.docker("run", "--detach", *words)
        try:
            yield found
        finally:
            self.docker("rm", "--force", "--volumes", found)

    def healthy(self, container: str, seconds: float = 90) -> None:
        """Wait until docker's own health check is content."""
        end = time.monotonic() + seconds
        state = ""
        while time.monotonic() < end:
            state = self.docker("inspect", "--format", "{{.State.Health.Status}}", container)
            if state == "healthy":
                return
            time.sleep(0.3)
        raise AssertionError(f"{state}:\n{self.docker('logs', container)}")

    def address(self, container: str, port: int) -> str:
        """The URL of a published port."""
        return f"http://{self.docker('port', container, str(port)).splitlines()[0]}"

    def stopped(self, container: str) -> tuple[int, float]:
        """Exit status after ``docker stop``, and the seconds that it took."""
        begin = time.monotonic()
        self.docker("stop", container)
        took = time.monotonic() - begin
        return int(self.docker("inspect", "--format", "{{.State.ExitCode}}", container)), took


def made(*tasks: str) -> Stack:
    """The stack after ``doit profile=local TASKS`` in this checkout."""
    command = [sys.executable, "-m", "doit", "profile=local", *tasks]
    subprocess.run(command, cwd=CHECKOUT, check=True)
    return Stack(ensure(str(CHECKOUT), silent))


def png(
    width: int, height: int, ground: Colour, *areas: tuple[int, int, int, int, Colour]
) -> bytes:
    """A PNG with rectangles ``(left, top, right, bottom, colour)`` (W3C PNG, section 5)."""
    rows = [bytearray(bytes(ground) * width) for _ in range(height)]
    for left, top, right, bottom, colour in areas:
        for row in rows[top:bottom]:
            row[3 * left : 3 * right] = bytes(colour) * (right - left)
    data = b"".join(b"\0" + bytes(row) for row in rows)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(data)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
