"""HTTP/1.1 over one socket: what asking an engine needs, without `http.client`'s start-up."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple


class Reply(NamedTuple):
    """An answer with its whole body; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class BadAnswer(OSError):
    """What came back is no HTTP answer."""


class Connection:
    """One connection; requests may be sent ahead, replies come in the order of the requests.

    Every method raises OSError when the other side is gone; the connection is useless then.
    """

    def __init__(self, connected: socket.socket, timeout: float | None) -> None:
        """``timeout`` in seconds, for each wait on the other side; None waits for ever."""
        connected.settimeout(timeout)
        self._socket = connected
        self._file = connected.makefile("rb")
        self.reusable = True

    def close(self) -> None:
        """Give the socket back."""
        self.reusable = False
        self._file.close()
        self._socket.close()

    def send(self, *requests: bytes) -> None:
        """Send requests made by `request`, all at once."""
        self._socket.sendall(b"".join(requests))

    def send_parts(self, parts: Iterable[bytes]) -> None:
        """Send the body of a request that was announced so (RFC 9112, 7.1)."""
        for part in filter(None, parts):
            self._socket.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        self._socket.sendall(b"0\r\n\r\n")

    def reply(self) -> Reply:
        """Read the next reply whole."""
        status, headers, chunks = self.stream()
        return Reply(status, headers, b"".join(chunks))

    def stream(self) -> tuple[int, dict[str, str], Iterator[bytes]]:
        """Read the head of the next reply; the iterator then reads its body as it comes."""
        status, headers = self._head()
        while 100 <= status < 200:
            status, headers = self._head()
        if "close" in headers.get("connection", "").lower():
            self.reusable = False
        if status in (204, 304):
            return status, headers, iter(())
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return status, headers, self._chunked()
        if "content-length" in headers:
            return status, headers, self._counted(_number(headers["content-length"], 10))
        self.reusable = False
        return status, headers, self._to_the_end()

    def _line(self) -> bytes:
        line = self._file.readline(65537)
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the connection was closed in mid-answer")
        return line.rstrip(b"\r\n")

    def _head(self) -> tuple[int, dict[str, str]]:
        words = self._line().split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
            raise BadAnswer("the answer is not HTTP")
        if words[0] == b"HTTP/1.0":
            self.reusable = False
        headers: dict[str, str] = {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(words[1]), headers

    def _counted(self, left: int) -> Iterator[bytes]:
        while left:
            part = self._file.read1(min(left, 65536))
            if not part:
                raise ConnectionResetError("the connection was closed in mid-answer")
            left -= len(part)
            yield part

    def _chunked(self) -> Iterator[bytes]:
        while size := _number(self._line().split(b";")[0].decode("latin-1"), 16):
            yield from self._counted(size)
            self._line()
        while self._line():
            pass

    def _to_the_end(self) -> Iterator[bytes]:
        while part := self._file.read1(65536):
            yield part


def request(
    method: str, path: str, headers: Mapping[str, str] | None = None, *, parts: bool = False
) -> bytes:
    """A request without a body, or the head of one whose body comes in ``parts``.

    ``path`` and ``headers`` must already be free of line ends.
    """
    lines = [f"{method} {path} HTTP/1.1", "Host: docker"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if parts:
        lines.append("Transfer-Encoding: chunked")
    elif method in ("POST", "PUT"):
        lines.append("Content-Length: 0")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _number(text: str, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        number = -1
    if number < 0:
        raise BadAnswer(f"the answer's length is {text!r}")
    return number
