"""Two engines side by side, one for plain builds and one for ``doit``, and a registry."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from layers.engine.http import Connection
from layers.setup.endpoint import Endpoint
from tests.anew import anew, is_full
from tests.fuzz.images.content import Content, Contents, Read, from_registry, from_store
from tests.fuzz.images.upstreams import UPSTREAMS, Upstream

_SYSTEM = ("PATH", "HOME", "LANG", "TMPDIR", "USER")


class EngineFault(Exception):
    """An engine that did not do what it was asked, through no fault of the project."""


class Engine:
    """One engine: builds, names, content."""

    def __init__(self, endpoint: Endpoint, contents: Contents) -> None:
        self.endpoint = endpoint
        self.builds = 0
        self._contents = contents
        about = self._json("GET", "/info")
        self.version = str(about["ServerVersion"])
        self._blobs = from_store(str(about["DockerRootDir"]))
        plugin = os.path.join(
            endpoint.environment.get("DOCKER_CONFIG", ""), "cli-plugins", "docker-buildx"
        )
        found = os.access(plugin, os.X_OK)
        self._program = [plugin] if found else [endpoint.cli, "buildx"]

    def environ(self) -> dict[str, str]:
        """A clean environment for commands that use this engine."""
        clean = {name: os.environ[name] for name in _SYSTEM if name in os.environ}
        return {**clean, **self.endpoint.environment}

    def build(self, words: list[str], folder: str) -> str:
        """A plain ``docker buildx build``; what it complains about, or "".

        Under a node id of its own, so that BuildKit takes nothing stale for a file.
        """
        self.builds += 1
        with tempfile.TemporaryDirectory(prefix="fuzz-buildx-") as config:
            done = subprocess.run(
                [*self._program, "build", "--progress=plain", "--provenance=false", *words],
                cwd=folder,
                env={**self.environ(), "BUILDX_CONFIG": config, "BUILDX_GIT_INFO": "false"},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=600,
            )
        return done.stderr[-3000:] or "failed" if done.returncode else ""

    def content(self, name: str) -> Content | None:
        """The image behind a name; None: there is none."""
        found = self.stored(name)
        return self._contents.read(*found) if found is not None else None

    def key(self, name: str) -> str:
        """What the image behind a name is labelled with by us; "" for any other."""
        told = self.call("GET", f"/images/{name}/json")[1]
        labels = told.get("Config", {}).get("Labels") or {}
        return str(labels.get("io.doit-layers.key", ""))

    def stored(self, name: str) -> tuple[str, Read] | None:
        """The digest behind a name, and what reads its blobs; None: there is none."""
        status, told = self.call("GET", f"/images/{name}/json")
        return None if status == 404 else (str(told["Id"]), self._blobs)

    def tag(self, image: str, name: str) -> None:
        """Give an image of the registry a plain name here."""
        if self.call("GET", f"/images/{image}/json")[0] == 404:
            self._expect(200, "POST", f"/images/create?fromImage={urllib.parse.quote(image)}")
        repository, _, tag = name.rpartition(":")
        query = urllib.parse.urlencode({"repo": repository, "tag": tag})
        self._expect(201, "POST", f"/images/{image}/tag?{query}")

    def empty(self) -> None:
        """A fresh machine: no image, no build cache."""
        if self.endpoint.private and is_full(self.endpoint):
            anew(self.endpoint)
            return
        every = urllib.parse.quote(json.dumps({"dangling": {"false": True}}))
        self._expect(200, "POST", f"/images/prune?filters={every}")
        for row in self._json("GET", "/images/json?all=1"):
            self.call("DELETE", f"/images/{row['Id']}?force=1")
        self._expect(200, "POST", "/build/prune?all=1")

    def _json(self, method: str, path: str) -> Any:
        return self._expect(200, method, path)

    def _expect(self, status: int, method: str, path: str) -> Any:
        found, told = self.call(method, path)
        if found != status:
            raise EngineFault(f"{method} {path}: {found} {told}")
        return told

    def call(self, method: str, path: str) -> tuple[int, Any]:
        """One request to the engine's API: status and body."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(self.endpoint.host.removeprefix("unix://"))
            connection = Connection(client, 300)
            head = f"{method} {path} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n"
            connection.send((head + "Connection: close\r\n\r\n").encode())
            reply = connection.reply()
            connection.close()
        try:
            return reply.status, json.loads(reply.body) if reply.body else None
        except ValueError:  # a stream of progress
            return reply.status, reply.body.decode(errors="replace")


@dataclass
class Lab:
    """All that cases are played on."""

    ours: Engine
    plain: Engine
    registry: str
    contents: Contents
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, ours: Endpoint, plain: Endpoint) -> Lab:
        """A lab on two private engines; the registry is the first one's."""
        assert ours.registry is not None
        contents = Contents()
        return cls(Engine(ours, contents), Engine(plain, contents), ours.registry, contents)

    def published(self, repository: str, digest: str) -> Content:
        """An image in the registry."""
        return self.contents.read(digest, from_registry(self.registry, repository))

    def prepare(self, busybox: str) -> None:
        """Build the upstreams and push them."""
        found: dict[str, str] = {}
        for name, upstream in UPSTREAMS.items():
            found[name] = self._upstream(name, upstream, busybox)
        self.digests = found

    def _upstream(self, name: str, upstream: Upstream, busybox: str) -> str:
        full = f"{self.registry}/up/{name}:1"
        with tempfile.TemporaryDirectory(prefix="fuzz-upstream-") as folder:
            upstream.lay(folder, busybox, self.registry)
            words = ["--metadata-file", f"{folder}/told", f"{folder}/context"]
            words += [f"--platform={','.join(upstream.platforms)}"] if upstream.platforms else []
            output = f"type=image,name={full},push=true,oci-mediatypes=true"
            said = self.plain.build([*words, "--output", output], folder)
            if said:
                raise EngineFault(said)
            with open(f"{folder}/told", encoding="utf-8") as file:
                return str(json.load(file)["containerimage.digest"])
