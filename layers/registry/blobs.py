"""Blobs of registries: asked for, read part by part, mounted, uploaded."""

from __future__ import annotations

import contextlib
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from urllib.parse import quote

from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.auth import Answer, bare
from layers.registry.headers import place, starts_at, with_query
from layers.registry.registry import RegistryError, RegistryRefused
from layers.registry.session import Wire, errors
from layers.runtime.retry import Again, persist

_GONE = frozenset({"BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "RANGE_INVALID"})
_REDIRECTS = 3


class Body:
    """Bytes to send that come part by part; ``len`` is how many, for Content-Length."""

    def __init__(self, parts: Iterator[bytes], size: int) -> None:
        self._parts = parts
        self.len = size

    def __iter__(self) -> Iterator[bytes]:
        return self._parts


class Blobs:
    """What is done with blobs over one `Wire`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def there(self, name: Reference, digest: Digest) -> bool:
        """Whether a repository holds a blob; False is the registry's own 404, nobody else's."""
        url = self._wire.url(name, f"blobs/{digest}")
        if not self._wire.headless(name):
            answer = self._wire.ask("HEAD", url, name)
            refused = self._wire.refuses_head(answer, name)
            if answer.status != 404 and not refused:
                self._wire.must_be_fine(answer, "HEAD", url, name)
                return True
            if self._wire.proven(name) and not refused:
                return False
        return persist(lambda: self._got(name, url), self._wire.backoff)

    def _got(self, name: Reference, url: str) -> bool:
        """The same by GET, of which no more is read than how it begins."""
        with self._wire.download(url, name, {"Range": "bytes=0-0"}) as download:
            if download.status in (200, 206, 416):  # an empty blob has no byte 0
                return True
            answer = download.answer()
        if answer.status == 404:
            self._wire.must_be_absence(answer, "GET", url, name)
            return False
        self._wire.must_be_fine(answer, "GET", url, name)
        return True

    def put(
        self,
        name: Reference,
        digest: Digest,
        body: Callable[[], Body | bytes],
        source: Reference | None = None,
    ) -> bool:
        """Upload a blob, or mount it from ``source`` on the same registry; True when mounted.

        Trouble begins the upload again: a session that broke off holds nobody knows what.
        """

        tries = 0

        def whole() -> bool:
            nonlocal tries
            tries += 1
            if tries > 1 and self.there(name, digest):
                return False  # the bytes came, only the answer was lost
            session = self._begin(name, digest, source if tries == 1 else None)
            if session is None:
                return True
            self._finish(name, digest, session, body)
            return False

        return persist(whole, replace(self._wire.backoff, total=float("inf")))

    def read(self, name: Reference, digest: Digest, size: int, stop: Event) -> Iterator[bytes]:
        """The parts of a blob; the last is held back until digest and size are right.

        What breaks off goes on where it was (RFC 9110, 14.2), or from the start when the registry
        does not know ranges. Raises RegistryError when the blob is not what its digest says.
        """
        what = f"{name.familiar()}: blob {digest}"
        sha, got, attempt, held = hashlib.sha256(), 0, 0, b""
        while got < size:
            try:
                for part in self._from(name, digest, got):
                    if stop.is_set():
                        raise RegistryError(f"{what}: stopped")
                    got += len(part)
                    if got > size:
                        break
                    sha.update(part)
                    attempt = 0
                    if held:
                        yield held
                    held = part
                lack = Again(RegistryError(f"{what}: {got} bytes came, {size} were expected"))
            except Again as again:
                lack = again
            if got < size:
                attempt += 1
                delay = self._wire.backoff.delay(attempt, lack.after, random.random())
                if delay is None:
                    raise lack.error from lack.error.__cause__
                time.sleep(delay)
        if got > size or f"sha256:{sha.hexdigest()}" != digest.text:
            found = f"more than {size} bytes" if got > size else f"sha256:{sha.hexdigest()}"
            raise RegistryError(
                f"{what}: what came is {found}",
                hint="a proxy or the registry changed it on the way; do not use it",
            )
        yield held

    def _from(self, name: Reference, digest: Digest, start: int) -> Iterator[bytes]:
        url = self._wire.url(name, f"blobs/{digest}")
        headers = {"Range": f"bytes={start}-"} if start else {}
        with self._wire.download(url, name, headers) as answer:
            if not (start and answer.status == 416):
                if answer.status not in (200, 206):
                    self._wire.must_be_fine(answer.answer(), "GET", url, name)
                whole = answer.status != 206
                if not whole and starts_at(answer.headers.get("Content-Range", "")) != start:
                    raise RegistryError(f"GET {bare(url)}: asked from byte {start}, got another")
                yield from _after(answer.parts(), start if whole else 0)
                return
        with self._wire.download(url, name, {}) as answer:
            if answer.status != 200:
                self._wire.must_be_fine(answer.answer(), "GET", url, name)
            yield from _after(answer.parts(), start)

    def _begin(self, name: Reference, digest: Digest, source: Reference | None) -> str | None:
        """The URL of an upload session; None when the blob was mounted instead.

        Source: distribution-spec, "Pushing a blob monolithically", "Mounting a blob".
        """
        url = self._wire.url(name, "blobs/uploads/")
        if source is not None:
            where = with_query(url, f"mount={quote(digest.text)}&from={quote(source.repository)}")
            # Not every registry names the source in its challenge, nor may we always read there.
            also = f"repository:{source.repository}:pull"
            with contextlib.suppress(RegistryRefused):
                answer = self._wire.once("POST", where, name, {}, errand="mount", also=also)
                if answer.status == 201:
                    return None
                if answer.status == 202 and (session := _session(answer, where)):
                    return session
        answer, url = self._follow("POST", url, name, {}, None)
        self._wire.must_be_fine(answer, "POST", url, name)
        # Relative to whom it was sent on to: https://github.com/containerd/containerd/issues/11949
        session = _session(answer, url)
        if not session:
            raise RegistryError(
                f"POST {bare(url)}: {answer.status} without a Location to upload to",
                hint=f"is {name.registry} a registry, and is the repository's path right?",
            )
        return session

    def _finish(
        self, name: Reference, digest: Digest, session: str, body: Callable[[], Body | bytes]
    ) -> None:
        url = with_query(session, f"digest={quote(digest.text)}")
        headers = {"Content-Type": "application/octet-stream"}
        answer, url = self._follow("PUT", url, name, headers, body)
        codes = {str(one.get("code")) for one in errors(answer)}
        try:
            self._wire.must_be_fine(answer, "PUT", url, name)
        except RegistryError as error:
            if answer.status in (404, 416) or codes & _GONE:
                raise Again(error) from error
            raise

    def _follow(
        self,
        method: str,
        url: str,
        name: Reference,
        headers: dict[str, str],
        body: Callable[[], Body | bytes] | None,
    ) -> tuple[Answer, str]:
        """As `Wire.once`, sent on with the same method and a fresh body where it is redirected.

        Gives the URL, too, that answered in the end.
        """
        for _ in range(_REDIRECTS):
            answer = self._wire.once(method, url, name, headers, body)
            onward = place(answer.headers.get("Location", ""), url)
            if answer.status not in (307, 308) or not onward:
                return answer, url
            url = onward
        raise RegistryError(f"{method} {bare(url)}: redirected more than {_REDIRECTS} times")


def _session(answer: Answer, asked: str) -> str:
    return place(answer.headers.get("Location", ""), asked)


def _after(parts: Iterator[bytes], skip: int) -> Iterator[bytes]:
    """``parts`` without their first ``skip`` bytes."""
    for part in parts:
        rest = part[skip:]
        skip = max(0, skip - len(part))
        if rest:
            yield rest
