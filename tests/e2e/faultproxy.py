"""A proxy that stands in front of a registry and breaks what it is told to break."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.e2e.faults import (
    Action,
    Answer,
    Corrupt,
    Delay,
    Header,
    Hold,
    Reset,
    ResetUpload,
    Rule,
    Truncate,
)

_CHUNK = 1 << 16
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade"})
"""Headers of one connection, not of the message (RFC 9110, 7.6.1)."""


@dataclass
class Proxy:
    """Where it listens, the rules in force, and what it was asked."""

    host: str
    rules: list[Rule] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """``METHOD path`` of every request, in order."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def breaks(self, method: str, path: str, action: Action, **where: int) -> Rule:
        """Add a rule; the first one that takes a request has it."""
        rule = Rule(method, path, action, **where)
        with self.lock:
            self.rules.append(rule)
        return rule

    def heal(self) -> None:
        """No faults from here on, and a clean record of what is asked."""
        with self.lock:
            for rule in self.rules:
                if isinstance(rule.action, Hold):
                    rule.action.go.set()
            self.rules.clear()
            self.asked.clear()

    def take(self, method: str, path: str) -> Action | None:
        """What is to be done to a request."""
        with self.lock:
            self.asked.append(f"{method} {path}")
            return next((rule.action for rule in self.rules if rule.takes(method, path)), None)

    def count(self, pattern: str) -> int:
        """Requests, as ``METHOD path``, that match."""
        with self.lock:
            return sum(bool(re.search(pattern, line)) for line in self.asked)


class _Broken(Exception):
    """The connection to the client is to be reset."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def handle(self) -> None:
        """Serve a connection; one that begins with TLS is told that this is plain HTTP.

        An engine tries https first, on loopback too, and falls back when the answer to its
        ClientHello begins with ``HTTP/`` (containerd's docker.HTTPFallback).
        """
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            self.wfile.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            return
        super().handle()

    def answer(self) -> None:
        """Carry one request to the registry and its answer back, or break it."""
        try:
            self._serve(self.server.proxy.take(self.command, self.path))
        except _Broken:
            # Linger 0: the kernel sends RST, what was not yet sent is dropped (socket(7)).
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        except OSError:  # the client went away: nobody is left to tell
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def _serve(self, action: Action | None) -> None:
        if isinstance(action, Delay):
            time.sleep(action.seconds)
        elif isinstance(action, Hold):
            action.reached.set()
            action.go.wait(60)
        elif isinstance(action, Answer):
            for _ in self._body():
                pass
            self.send_response(action.status)
            for name, value in {"Content-Length": str(len(action.body)), **action.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(action.body)
            return
        upstream = HTTPConnection(self.server.registry, timeout=120)
        try:
            self._forward(upstream, action)
            self._back(upstream.getresponse(), action)
        finally:
            upstream.close()

    def _forward(self, upstream: HTTPConnection, action: Action | None) -> None:
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "").lower()
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # Host as it came: Locations lead back here
            if name.lower() not in _HOP | {"expect"}:
                upstream.putheader(name, value)
        if chunked:
            upstream.putheader("Transfer-Encoding", "chunked")
        upstream.endheaders()
        sent = 0
        for part in self._body():
            if isinstance(action, ResetUpload) and sent + len(part) > action.after:
                part = part[: action.after - sent]
                upstream.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked and part else part)
                raise _Broken
            upstream.send(b"%x\r\n%s\r\n" % (len(part), part) if chunked else part)
            sent += len(part)
        if isinstance(action, ResetUpload):
            raise _Broken
        if chunked:
            upstream.send(b"0\r\n\r\n")

    def _body(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            while size := int(self.rfile.readline().partition(b";")[0] or b"0", 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left and (part := self.rfile.read(min(left, _CHUNK))):
            left -= len(part)
            yield part

    def _back(self, answer: HTTPResponse, action: Action | None) -> None:
        headers = {k: v for k, v in answer.getheaders() if k.lower() not in _HOP}
        if isinstance(action, Header):
            headers = {k: v for k, v in headers.items() if k.lower() != action.name.lower()}
            headers[action.name] = action.value
        bodiless = self.command == "HEAD" or answer.status in (204, 304)
        length = answer.getheader("Content-Length")
        framed = length is not None or bodiless
        if isinstance(action, Truncate) and length is not None and not bodiless:
            headers["Content-Length"] = str(min(int(length), action.after))
        self.send_response(answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not framed:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not bodiless:
            self._copy(answer, action)
        if isinstance(action, Reset):
            raise _Broken

    def _copy(self, answer: HTTPResponse, action: Action | None) -> None:
        sent = 0
        while part := answer.read(_CHUNK):
            if isinstance(action, Corrupt) and sent <= action.at < sent + len(part):
                at = action.at - sent
                part = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
            if isinstance(action, Reset | Truncate):
                part = part[: action.after - sent]
            self.wfile.write(part)
            sent += len(part)
            if isinstance(action, Reset | Truncate) and sent >= action.after:
                self.wfile.flush()
                time.sleep(0.05 if isinstance(action, Reset) else 0)  # let it arrive before RST
                return

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, registry: str, proxy: Callable[[int], Proxy]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        self.proxy = proxy(self.server_port)

    def shutdown_request(self, request: object) -> None:
        """Close; one that was reset is closed already."""
        with contextlib.suppress(OSError):
            super().shutdown_request(request)  # type: ignore[arg-type]  # typeshed: a socket

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that are killed are what the tests are about."""


@contextlib.contextmanager
def proxying(registry: str) -> Iterator[Proxy]:
    """A proxy in front of ``registry`` (``host:port``, http) on a loopback port of its own."""
    server = _Server(registry, lambda port: Proxy(f"127.0.0.1:{port}"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.proxy.heal()
        server.shutdown()
        server.server_close()
        thread.join()
