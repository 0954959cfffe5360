"""A registry of one HTTP script: right by itself, and as odd as a test wants it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from tests.httpscript import Asked, Said


def refused(status: int, code: str, message: str = "no") -> Said:
    """An error in a registry's own words."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
    return Said(status, body, {"Content-Type": "application/json"})


@dataclass
class Store:
    """Holds blobs and manifests of one repository, whatever it is called.

    ``faults`` are said in place of the right answer, first in first out, by method, or by method
    and digest; ``stored`` says whether a fault comes after the deed is done.
    """

    location: str = "/v2/a/blobs/uploads/u1?_state=x%3D"
    mounts: bool = False
    ranges: bool = True
    digest_header: bool = True
    stored: bool = False
    login: str = ""
    """The Authorization without which everything is a 401."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    faults: dict[str, list[Said]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, asked: Asked) -> Said:
        """Answer."""
        with self.lock:
            if self.login and asked.headers.get("Authorization") != self.login:
                return Said(401, headers={"WWW-Authenticate": 'Basic realm="r"'})
            last = urlsplit(asked.path).path.rpartition("/")[2]
            waiting = self.faults.get(f"{asked.method} {last}") or self.faults.get(asked.method)
            fault = waiting.pop(0) if waiting else None
            if fault and not self.stored:
                return fault
            answer = self._answer(asked)
            return fault or answer

    def keep(self, content: bytes) -> str:
        """Put a blob; its digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.blobs[digest] = content
        return digest

    def image(self, *layers: bytes) -> str:
        """Put an image; its digest."""
        document = {
            "schemaVersion": 2,
            "mediaType": (media_type := "application/vnd.oci.image.manifest.v1+json"),
            "config": {"digest": self.keep(b"{}"), "size": 2},
            "layers": [{"digest": self.keep(one), "size": len(one)} for one in layers],
        }
        raw = json.dumps(document).encode()
        digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
        self.manifests[digest] = raw, media_type
        return digest

    def _answer(self, asked: Asked) -> Said:
        url = urlsplit(asked.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        last = url.path.rpartition("/")[2]
        if asked.method == "POST":
            if self.mounts and "mount" in query:
                return Said(201)
            return Said(202, headers={"Location": self.location})
        if "/blobs/uploads/" in url.path:
            if f"sha256:{hashlib.sha256(asked.body).hexdigest()}" != query["digest"]:
                return refused(400, "DIGEST_INVALID")
            return self._stored(self.keep(asked.body))
        if asked.method == "PUT":
            digest = f"sha256:{hashlib.sha256(asked.body).hexdigest()}"
            self.manifests[last] = self.manifests[digest] = (
                asked.body,
                asked.headers["Content-Type"],
            )
            return self._stored(digest)
        if "/manifests/" in url.path:
            if last not in self.manifests:
                return refused(404, "MANIFEST_UNKNOWN")
            raw, media_type = self.manifests[last]
            return Said(200, raw, {"Content-Type": media_type})
        if last not in self.blobs:
            return refused(404, "BLOB_UNKNOWN")
        return self._part(self.blobs[last], asked.headers)

    def _stored(self, digest: str) -> Said:
        return Said(201, headers={"Docker-Content-Digest": digest} if self.digest_header else {})

    def _part(self, blob: bytes, headers: Mapping[str, str]) -> Said:
        wanted = headers.get("Range", "")
        if not wanted or not self.ranges:
            return Said(200, blob)
        first = int(wanted.removeprefix("bytes=").partition("-")[0])
        if first >= len(blob):
            return Said(416)
        told = f"bytes {first}-{len(blob) - 1}/{len(blob)}"
        return Said(206, blob[first:], {"Content-Range": told})
