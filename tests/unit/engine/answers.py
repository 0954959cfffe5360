"""Answers of an engine, from a real socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from layers.engine.client import Client
from layers.engine.docker import DockerEngine
from layers.oci.credentials import Credentials, NoCredentials
from layers.registry.registry import Registry
from layers.runtime.retry import Backoff

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def answer(body: Any, status: int = 200, extra: str = "") -> bytes:
    """An HTTP answer with a JSON body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(raw)}\r\n{extra}\r\n".encode() + raw


def chunked(*chunks: bytes) -> bytes:
    """An HTTP answer in chunks."""
    parts = [f"{len(chunk):x};x=y\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n\r\n"


@contextmanager
def answering(
    tmp_path: Path, say: Callable[[str], bytes | None]
) -> Iterator[tuple[str, list[str]]]:
    """A real socket's address; its other side says ``say(request)``, None hangs up."""
    path = str(tmp_path / "engine.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    asked: list[str] = []

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            while head := file.readline():
                headers = list(iter(file.readline, b"\r\n"))
                if b"transfer-encoding: chunked" in b"".join(headers).lower():
                    while file.read(int(file.readline(), 16) + 2) != b"\r\n":
                        pass
                asked.append(head.decode().rsplit(" ", 1)[0])
                said = say(asked[-1])
                if said is None:
                    return
                connection.sendall(said)
                if b"Connection: close" in said or b"HTTP/1.0" in said:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"unix://{path}", asked
    finally:
        listener.close()


@contextmanager
def engine(
    tmp_path: Path,
    say: Callable[[str], bytes | None],
    credentials: Credentials | None = None,
    registry: Registry | None = None,
) -> Iterator[tuple[DockerEngine, list[str]]]:
    """The engine at such an address, and what it was asked."""
    logins, quick = credentials or NoCredentials(), Backoff(attempts=2, first=0.001)
    ask = None if registry is None else lambda: registry
    with answering(tmp_path, say) as (host, asked):
        yield DockerEngine(Client(host, {}), logins, quick, ask), asked


def lines(*objects: dict[str, Any]) -> bytes:
    """A stream as engines send it, cut at odd places."""
    raw = b"".join(json.dumps(one).encode() + b"\r\n" for one in objects)
    return chunked(*(raw[start : start + 50] for start in range(0, len(raw), 50)))


def layer(status: str, name: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    """A line about one filesystem layer."""
    return {"status": status, "id": name, "progressDetail": {"current": current, "total": total}}
