"""A small world for nights: upstream images that move, an apt repository, doors that close."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from layers.build.rootfs.make import make
from layers.graph.recipe import Recipe
from layers.host import ca
from layers.oci.digest import Digest
from layers.registry.registry import Registry
from layers.runtime.files import locked
from tests.contracts import silent
from tests.e2e.lab import CHECKOUT, Lab
from tests.ocidocs import OCI_INDEX, index_of

APT_BASE = CHECKOUT / ".layers" / "apt-base"
"""Kept between runs, for all processes that share the tests; 80 MB."""
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Door:
    """A port on loopback that leads to ``target`` (``host:port``) while it is open."""

    def __init__(self, target: str) -> None:
        name, _, port = target.rpartition(":")
        self._target = (name, int(port))
        self._listener: socket.socket | None = None
        self._port = 0
        self.open()

    @property
    def host(self) -> str:
        """``127.0.0.1:port``, the same after each opening."""
        return f"127.0.0.1:{self._port}"

    def open(self) -> None:
        """Let connections through."""
        listener = socket.create_server(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def close(self) -> None:
        """Refuse connections: nobody listens any more."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_pass, args=(one, other), daemon=True).start()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    for each, how in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
        with contextlib.suppress(OSError):
            each.shutdown(how)


class Shelf:
    """An apt repository on loopback, with the packages on offer tonight."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offers: dict[tuple[str, str], str] = {}
        folder.mkdir(parents=True)
        self._server: http.server.ThreadingHTTPServer | None = None
        self._port = 0
        self._write()
        self.open()

    @property
    def line(self) -> str:
        """Its line in a sources.list."""
        return f"deb [trusted=yes] http://127.0.0.1:{self._port} ./"

    def open(self) -> None:
        """Serve, at the port that it had before."""
        handler = partial(_Quiet, directory=str(self._folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Answer nobody."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def offer(
        self, name: str, version: str, *, script: str = "true", after: str = "", size: int = 0
    ) -> None:
        """Add a package: ``/usr/bin/NAME`` runs ``script``, ``after`` runs when it is installed,
        ``size`` bytes that no compression shrinks lie beside.
        """
        root = self._folder / "root"
        files = {
            "DEBIAN/control": f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: Nobody <nobody@example.com>\nDescription: a package of the tests\n",
            f"usr/bin/{name}": f"#!/bin/sh\necho {name} {version}\n{script}\n",
            **({"DEBIAN/postinst": f"#!/bin/sh\n{after}\n"} if after else {}),
        }
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
            (root / path).chmod(0o644 if path.endswith("control") else 0o755)
        if size:
            (root / f"usr/bin/{name}-data").write_bytes(os.urandom(size))
        package = f"{name}_{version}.deb"
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(root), package]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)
        shutil.rmtree(root)
        content = (self._folder / package).read_bytes()
        self._offers[name, version] = files["DEBIAN/control"] + (
            f"Filename: ./{package}\nSize: {len(content)}\n"
            f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
        )
        self._write()

    def withdraw(self, name: str, version: str) -> None:
        """Take a package away."""
        del self._offers[name, version]
        self._write()

    def _write(self) -> None:
        index = "\n".join(self._offers.values())
        (self._folder / "Packages").write_text(index)
        digest = hashlib.sha256(index.encode()).hexdigest()
        release = f"Suite: tests\nSHA256:\n {digest} {len(index.encode())} Packages\n"
        (self._folder / "Release").write_text(release)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_words: Any) -> None:
        """Tell nobody."""


class Upstream:
    """An image of two platforms that somebody else pushes, under one tag of a registry.

    It is made from an image that is there as ``seed`` (repository, digest), layer by layer.
    """

    def __init__(self, registry: Registry, seed: tuple[str, Digest], repository: str) -> None:
        self._registry, self._repository, self._seed = registry, repository, seed
        self._release = self._touched = self._other = 0
        registry.copy(*seed, repository, silent)
        self.digest = self._push()

    def move(self) -> None:
        """Push another content for our platform."""
        self._release += 1
        self.digest = self._push()

    def touch(self) -> None:
        """Push the same content for our platform, built again: its configuration has a new time."""
        self._touched += 1
        self.digest = self._push()

    def land(self) -> None:
        """Push for another architecture alone: the index is another one."""
        self._other += 1
        before = self.digest
        self.digest = self._push()
        assert self.digest == before

    def delete(self) -> None:
        """Delete the tag, the index and our platform's manifest."""
        index = self._registry.heads([(self._repository, "1")])[self._repository, "1"]
        assert self._registry.delete(self._repository, index)
        assert self._registry.delete(self._repository, self.digest)

    def _push(self) -> Digest:
        ours = self._manifest("amd64", self._touched)
        other = self._manifest("arm64", self._other)
        index = index_of([(ours, "linux", "amd64"), (other, "linux", "arm64")])
        self._registry.put_manifest(self._repository, "1", json.dumps(index).encode(), OCI_INDEX)
        return ours

    def _manifest(self, architecture: str, moment: int) -> Digest:
        found = self._registry.manifest(self._seed[0], str(self._seed[1]))
        assert found is not None
        manifest = json.loads(found.raw)
        described = manifest["config"]
        config = json.loads(self._registry.blob(self._seed[0], Digest.parse(described["digest"])))
        config["architecture"] = architecture
        config["created"] = f"2024-01-01T00:00:{moment:02}Z"
        if self._release:
            tar = _tar({"etc/upstream-release": f"{self._release}\n"})
            content = gzip.compress(tar, mtime=0)
            layer = self._registry.put_blob(self._repository, content)
            kind = manifest["layers"][0]["mediaType"]
            kind = kind.partition("+")[0] + "+gzip" if "+" in kind else _LAYER
            manifest["layers"].append(
                {"mediaType": kind, "digest": str(layer), "size": len(content)}
            )
            config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(tar).hexdigest()}")
            config.get("history", []).append({"created_by": "RUN release # buildkit"})
        raw = json.dumps(config).encode()
        described["digest"] = str(self._registry.put_blob(self._repository, raw))
        described["size"] = len(raw)
        content = json.dumps(manifest).encode()
        return self._registry.put_manifest(
            self._repository, _digest(content), content, found.media_type
        )


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _tar(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def apt_base(lab: Lab) -> str:
    """A Debian with apt in the lab's registry, made by our own rootfs, once for this checkout."""
    APT_BASE.mkdir(parents=True, exist_ok=True)
    with locked(str(APT_BASE.with_name("apt-base.lock"))):
        if not (APT_BASE / "rootfs.tar").exists():
            own = ca.extra_certificates()
            make(Recipe("bookworm", ca=ca.fingerprint(own)), str(APT_BASE), _hush, ca_pem=own)
    name = f"{lab.registry}/upstream/apt-base:1"
    lab.docker("buildx", "build", "--provenance=false", "--tag", name, str(APT_BASE))
    lab.docker("push", name)
    return name


def _hush(line: str) -> None:
    """Show nothing of a log."""
