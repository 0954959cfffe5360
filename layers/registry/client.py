"""Registries over HTTP (OCI distribution-spec): what is there, under which digest.

Built on `requests`: the client of PyPI's `oras` 0.2 holds one token and one scheme for all
hosts and threads, neither asks by HEAD nor verifies a digest, and repeats neither 429 nor 503.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from layers.oci.artifact import MANIFEST_TYPES
from layers.oci.credentials import Credentials
from layers.oci.digest import BadDigest, Digest
from layers.oci.reference import Reference
from layers.registry.auth import Answer, bare
from layers.registry.headers import next_page
from layers.registry.registry import Manifest, Progress, RegistryError
from layers.registry.session import THREADS, Wire, errors
from layers.registry.tls import DOCKER_CERTS
from layers.runtime.retry import Backoff
from layers.runtime.threads import each

if TYPE_CHECKING:
    from layers.registry.blobs import Blobs

_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}
_INDEX = MANIFEST_TYPES[0]
_MOST_BYTES = 16 << 20
_PAGE = 1000
_PAGES = 10_000
"""More than any registry has: a chain of pages that does not end is cut here."""


class HttpRegistry:
    """A `Registry`; keeps connections and tokens, safe to share by threads.

    Loopback hosts speak http, and hosts that ``insecure`` says yes to; all others https.
    """

    def __init__(
        self,
        credentials: Credentials,
        insecure: Callable[[str], bool],
        backoff: Backoff | None = None,
        certs: str = DOCKER_CERTS,
    ) -> None:
        """``insecure`` is asked with ``host[:port]``; ``certs`` is laid out as Docker's folder."""
        self._wire = Wire(credentials, insecure, backoff or Backoff(), certs)

    def heads(self, references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Digest]:
        """See `Registry.heads`."""
        wanted = list(dict.fromkeys(references))
        answers = each(lambda one: self._head(*one), wanted, THREADS)
        return {
            one: digest for one, digest in zip(wanted, answers, strict=True) if digest is not None
        }

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """See `Registry.manifest`; the digest is of the bytes that came."""
        name = Reference.parse(repository)
        url = self._wire.url(name, f"manifests/{reference}")
        answer = self._wire.ask("GET", url, name, _ACCEPT)
        if answer.status == 404:
            self._wire.must_be_absence(answer, "GET", url, name)
            return None
        self._wire.must_be_fine(answer, "GET", url, name)
        digest = _digest_of(answer.body)
        asked = reference if ":" in reference else None
        _must_agree("GET", url, digest, answer.headers.get("Docker-Content-Digest"), asked)
        content = _object(answer.body, url, "manifest")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type not in MANIFEST_TYPES:
            media_type = str(content.get("mediaType") or media_type)
        if media_type not in MANIFEST_TYPES:
            raise RegistryError(
                f"GET {bare(url)}: {media_type or 'no media type'} is not a manifest that we know",
                hint="push the image again with a current Docker",
            )
        return Manifest(digest, media_type, content, len(answer.body), answer.body)

    def blob(self, repository: str, digest: Digest) -> bytes:
        """See `Registry.blob`; at most 16 MiB."""
        name = Reference.parse(repository)
        url = self._wire.url(name, f"blobs/{digest}")
        answer = self._wire.ask("GET", url, name)
        self._wire.must_be_fine(answer, "GET", url, name)
        if (got := _digest_of(answer.body)) != digest:
            raise RegistryError(
                f"GET {bare(url)}: the blob has digest {got}",
                hint="a proxy or the registry changed it on the way; do not use it",
            )
        return answer.body

    def missing(self, repository: str, manifest: Manifest) -> tuple[Digest, ...]:
        """See `Registry.missing`."""
        from layers.registry.copy import absent

        return tuple(absent(self, self._blobs, repository, manifest))

    def tags(self, repository: str) -> tuple[str, ...]:
        """See `Registry.tags`; a full page without Link is asked on from its last tag."""
        name = Reference.parse(repository)
        first = self._wire.url(name, f"tags/list?n={_PAGE}")
        url: str | None = first
        found: dict[str, None] = {}
        for _ in range(_PAGES):
            if url is None:
                break
            answer = self._wire.ask("GET", url, name)
            if answer.status == 404:
                self._wire.must_be_absence(answer, "GET", url, name)
                break
            self._wire.must_be_fine(answer, "GET", url, name)
            page = [str(one) for one in _object(answer.body, url, "list of tags").get("tags") or ()]
            fresh = [tag for tag in page if tag not in found]
            found.update(dict.fromkeys(page))
            asked, url = url, next_page(answer.headers.get("Link", ""), url)
            if url is None and len(page) == _PAGE:
                url = f"{first}&last={quote(page[-1])}"
            if url == asked or not fresh:
                break
        return tuple(sorted(found))

    def put_blob(self, repository: str, content: bytes) -> Digest:
        """See `Registry.put_blob`."""
        digest = _digest_of(content)
        if len(content) > _MOST_BYTES:
            raise RegistryError(
                f"{repository}: a blob of {len(content)} bytes; {_MOST_BYTES} are the most"
            )
        name = Reference.parse(repository)
        if not self._blobs.there(name, digest):
            self._blobs.put(name, digest, lambda: content)
        return digest

    def parts(self, repository: str, digest: Digest, size: int) -> Iterator[bytes]:
        """See `Registry.parts`."""
        return self._blobs.read(Reference.parse(repository), digest, size, Event())

    def upload(
        self, repository: str, digest: Digest, size: int, parts: Callable[[], Iterator[bytes]]
    ) -> None:
        """See `Registry.upload`."""
        from layers.registry.blobs import Body

        name = Reference.parse(repository)
        if not self._blobs.there(name, digest):
            self._blobs.put(name, digest, lambda: Body(parts(), size) if size else b"")

    def put_manifest(
        self, repository: str, reference: str, content: bytes, media_type: str
    ) -> Digest:
        """See `Registry.put_manifest`."""
        name = Reference.parse(repository)
        digest = _digest_of(content)
        url = self._wire.url(name, f"manifests/{reference}")
        asked = reference if ":" in reference else None
        _must_agree("PUT", url, digest, None, asked)
        headers = {"Content-Type": media_type}
        answer = self._wire.ask("PUT", url, name, headers, "push", content)
        self._wire.must_be_fine(answer, "PUT", url, name)
        _must_agree("PUT", url, digest, answer.headers.get("Docker-Content-Digest"), None)
        return digest

    def copy(self, source: str, digest: Digest, target: str, progress: Progress) -> None:
        """See `Registry.copy`."""
        from layers.registry.copy import Copier

        Copier(self, self._blobs, source, target, progress).run(digest)

    def delete(self, repository: str, digest: Digest) -> bool:
        """See `Registry.delete`."""
        name = Reference.parse(repository)
        url = self._wire.url(name, f"manifests/{digest}")
        answer = self._wire.ask("DELETE", url, name, errand="delete")
        if answer.status == 404:
            self._wire.must_be_absence(answer, "DELETE", url, name)
            return True
        codes = {str(one.get("code")) for one in errors(answer)}
        if answer.status in (405, 501) or "UNSUPPORTED" in codes:
            return False
        self._wire.must_be_fine(answer, "DELETE", url, name)
        return True

    def referrers(self, repository: str, digest: Digest) -> Sequence[Mapping[str, Any]] | None:
        """See `Registry.referrers`; an answer that is no index is a page for browsers: None."""
        name = Reference.parse(repository)
        url: str | None = self._wire.url(name, f"referrers/{digest}")
        found: dict[str, Mapping[str, Any]] = {}
        for _ in range(_PAGES):
            if url is None:
                break
            answer = self._wire.ask("GET", url, name, {"Accept": _INDEX})
            if answer.status in (404, 405, 501):
                return None
            self._wire.must_be_fine(answer, "GET", url, name)
            entries = _entries(answer)
            if entries is None:
                return None
            fresh = [one for one in entries if one["digest"] not in found]
            found.update({str(one["digest"]): one for one in entries})
            url = next_page(answer.headers.get("Link", ""), url) if fresh else None
        return tuple(found.values())

    @cached_property
    def _blobs(self) -> Blobs:
        from layers.registry.blobs import Blobs

        return Blobs(self._wire)

    def _head(self, repository: str, tag: str) -> Digest | None:
        name = Reference.parse(repository)
        if self._wire.headless(name):
            return self._got(repository, tag)
        url = self._wire.url(name, f"manifests/{tag}")
        answer = self._wire.ask("HEAD", url, name, _ACCEPT)
        if self._wire.refuses_head(answer, name):
            return self._got(repository, tag)
        if answer.status == 404:
            # An answer to HEAD has no body: one GET a host shows that a registry says this.
            return None if self._wire.proven(name) else self._got(repository, tag)
        self._wire.must_be_fine(answer, "HEAD", url, name)
        try:
            return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
        except BadDigest:
            # The header is only recommended (distribution-spec, "Pulling manifests").
            return self._got(repository, tag)

    def _got(self, repository: str, tag: str) -> Digest | None:
        found = self.manifest(repository, tag)
        return found.digest if found else None


def _digest_of(body: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(body).hexdigest()}")


def _must_agree(method: str, url: str, digest: Digest, said: str | None, asked: str | None) -> None:
    for other in (said, asked):
        if other is not None and other.startswith("sha256:") and other != digest.text:
            raise RegistryError(
                f"{method} {bare(url)}: the manifest has digest {digest}, not {other}",
                hint="a proxy or the registry changed it on the way; do not use it",
            )


def _object(body: bytes, url: str, what: str) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RegistryError(f"GET {bare(url)}: the {what} is not a JSON object")
    return content


def _entries(answer: Answer) -> list[Mapping[str, Any]] | None:
    """The descriptors of an index; None for a body that is none."""
    try:
        content = json.loads(answer.body)
        found = content["manifests"] or []
        return [one for one in found if isinstance(one["digest"], str)]
    except (ValueError, KeyError, TypeError):
        return None
