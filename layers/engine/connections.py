"""Requests to an engine, and what becomes of them when a connection dies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Lock

from layers.engine.engine import EngineDown
from layers.engine.http import Connection, Reply, request
from layers.engine.sockets import dialer

Streamed = tuple[int, Iterator[bytes]]
"""Status, and the body as it comes."""

_LANES = 4
"""The engine answers one connection's requests one after another, several connections at once."""
_BATCH = 256
"""Requests sent ahead; more could fill both sides' buffers and leave both waiting."""


class Wire:
    """Carries requests to the engine at ``host``; connections for reads are kept alive.

    Raises EngineDown when nothing answers or an answer breaks off. Safe to share by threads
    and to carry into a forked child.
    """

    def __init__(self, host: str, environment: Mapping[str, str]) -> None:
        self._host = host
        self._dial = dialer(host, environment)
        self._lanes = 1 if host.startswith("ssh://") else _LANES
        self._kept: list[Connection] = []
        self._owner = os.getpid()
        self._lock = Lock()

    def get(self, paths: Sequence[str]) -> list[Reply]:
        """Replies to GET, in the order of ``paths``, sent at once; may ask twice."""
        replies: list[Reply] = []
        for start in range(0, len(paths), _BATCH):
            replies += self._batch(paths[start : start + _BATCH])
        return replies

    @contextmanager
    def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        parts: Iterable[bytes] | None = None,
    ) -> Iterator[Streamed]:
        """One request with effects, sent once, on a connection of its own; ``parts`` is its body.

        Leaving early hangs up, which makes the engine stop the work.  What ``parts`` raises, too.
        """
        try:
            connection = self._connect(None)
        except OSError as error:
            raise self.down(error) from error
        try:
            try:
                connection.send(request(method, path, headers, parts=parts is not None))
                if parts is not None:
                    with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered
                        connection.send_parts(parts)
                status, _, chunks = connection.stream()
            except OSError as error:
                raise self.down(error) from error
            yield status, self._guarded(chunks)
        finally:
            connection.close()

    def _batch(self, paths: Sequence[str]) -> list[Reply]:
        count = min(self._lanes, len(paths))
        kept = self._take(count)
        try:
            if len(kept) == count:
                try:
                    return self._ask(kept, paths)
                except (BrokenPipeError, ConnectionResetError):
                    # A server closes idle connections when it likes (RFC 9112, 9.3.1).
                    self._drop(kept)
                    kept = []
            while len(kept) < count:
                kept.append(self._connect(60.0))
            return self._ask(kept, paths)
        except OSError as error:
            self._drop(kept)
            raise self.down(error) from error
        except BaseException:
            self._drop(kept)
            raise

    def _ask(self, connections: Sequence[Connection], paths: Sequence[str]) -> list[Reply]:
        count = len(connections)
        replies: list[Reply | None] = [None] * len(paths)
        for lane, connection in enumerate(connections):
            connection.send(*(request("GET", path) for path in paths[lane::count]))
        for lane, connection in enumerate(connections):
            replies[lane::count] = [connection.reply() for _ in paths[lane::count]]
        self._give(connections)
        return [reply for reply in replies if reply is not None]

    def _connect(self, timeout: float | None) -> Connection:
        return Connection(self._dial(), timeout)

    def _guarded(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        try:
            yield from chunks
        except OSError as error:
            raise self.down(error) from error

    def _take(self, count: int) -> list[Connection]:
        with self._lock:
            if self._owner != os.getpid():
                # A forked child must not talk on its parent's connections.
                self._kept, self._owner = [], os.getpid()
            taken, self._kept = self._kept[:count], self._kept[count:]
            return taken

    def _give(self, connections: Sequence[Connection]) -> None:
        with self._lock:
            self._kept += [one for one in connections if one.reusable]

    @staticmethod
    def _drop(connections: Sequence[Connection]) -> None:
        for connection in connections:
            connection.close()

    def down(self, error: Exception) -> EngineDown:
        """The error for what a connection died of."""
        hint = "start Docker, or point DOCKER_HOST (or `docker context use`) at one that runs"
        if isinstance(error, PermissionError):
            hint = "you may not use it: join the group docker, then log in again"
        elif "CERTIFICATE" in str(error):
            hint = "check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH"
        return EngineDown(f"no Docker engine answers at {self._host}: {error}", hint=hint)
