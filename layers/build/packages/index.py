"""Package index: package sources of a folder, served to pip on loopback while a build runs."""

from __future__ import annotations

import hashlib
import html
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import unquote

from hashes.errors import LayersError
from layers.build.packages.sdist import Metadata, is_source, make_sdist, read_metadata
from layers.host.settings import PipSettings

_LOOPBACK = "127.0.0.1"


class PipIndex:
    """A simple index (PEP 503) of every package source below a folder, for a ``with`` block.

    Raises PackageError on entry for a source without plain name and version, LayersError for two
    sources of one package and version.
    """

    def __init__(
        self, folder: str, settings: PipSettings | None = None, *, host: str = _LOOPBACK
    ) -> None:
        self._folder = folder
        self._settings = settings or PipSettings()
        self._host = host
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the index, while it is served."""
        if self._server is None:
            raise RuntimeError("the index is not served")
        return f"http://{self._host}:{self._server.server_port}/simple/"

    def pip_conf(self) -> str:
        """The text of a pip.conf: the host's indexes and this one."""
        return self._settings.conf(self.url)

    def __enter__(self) -> PipIndex:
        pages = _pages(self._folder)

        class Handler(_Handler):
            answers = pages

        self._server = _Server((self._host, 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="pip-index", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = self._thread = None


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: pip hangs up when it has seen enough."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: dict[str, tuple[str, bytes]] = {}  # noqa: RUF012 - each index has a class of its own

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])
        kind, body = self.answers.get(path, ("text/plain", b"not found\n"))
        self.send_response(200 if path in self.answers else 404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server's own name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Say nothing."""


def sources(folder: str) -> list[str]:
    """Folders of package sources below ``folder``, itself included; none inside another."""
    found = []
    for at, folders, _ in os.walk(folder):
        folders.sort()
        if is_source(at):
            found.append(at)
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
    return found


def _pages(folder: str) -> dict[str, tuple[str, bytes]]:
    pages: dict[str, tuple[str, bytes]] = {}
    links: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for source in sources(folder):
        metadata = read_metadata(source)
        name = f"{metadata.stem}.tar.gz"
        if name in places:
            raise LayersError(f"{name} comes from {places[name]} and {source}")
        places[name] = source
        content = make_sdist(source, metadata)
        pages[f"/files/{name}"] = ("application/gzip", content)
        links.setdefault(metadata.normal, []).append(_link(name, content, metadata))
    pages["/simple/"] = _page([f'<a href="/simple/{name}/">{name}</a>' for name in sorted(links)])
    for package, lines in links.items():
        pages[f"/simple/{package}/"] = _page(lines)
    return pages


def _link(name: str, content: bytes, metadata: Metadata) -> str:
    python = metadata.requires_python
    attribute = f' data-requires-python="{html.escape(python)}"' if python else ""
    digest = hashlib.sha256(content).hexdigest()
    return f'<a href="/files/{name}#sha256={digest}"{attribute}>{name}</a>'


def _page(lines: list[str]) -> tuple[str, bytes]:
    body = "<!DOCTYPE html>\n<html><body>\n" + "<br>\n".join(lines) + "\n</body></html>\n"
    return "text/html; charset=utf-8", body.encode()
