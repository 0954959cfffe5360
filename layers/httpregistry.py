"""Registries over HTTP (OCI distribution-spec): what is there, under which digest.

Built on `requests`: the client of PyPI's `oras` 0.2 holds one token and one scheme for all
hosts and threads, neither asks by HEAD nor verifies a digest, and repeats neither 429 nor 503.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from layers.credentials import Credentials
from layers.digest import BadDigest, Digest
from layers.reference import HUB, Reference
from layers.registry import MANIFEST_TYPES, Manifest, RegistryError
from layers.registry_auth import Answer, Authority, bare, refusal
from layers.registry_hosts import is_loopback
from layers.retry import Backoff

if TYPE_CHECKING:
    from layers.registry_transport import Transport

_THREADS = 8
_HUB_API = "registry-1.docker.io"
_ABSENT = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "TAG_UNKNOWN"})
"""Harbor says NOT_FOUND for a repository or project that it does not have."""


class HttpRegistry:
    """A `Registry`; keeps connections and tokens, safe to share by threads.

    Loopback hosts speak http, and hosts that ``insecure`` says yes to; all others https.
    """

    def __init__(
        self,
        credentials: Credentials,
        insecure: Callable[[str], bool],
        backoff: Backoff | None = None,
    ) -> None:
        """``insecure`` is asked with ``host[:port]``."""
        self._insecure = insecure
        self._authority = Authority(credentials, self._speaks_http)
        self._backoff = backoff or Backoff()
        self._lock = Lock()
        self._proven: set[str] = set()

    def heads(self, references: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Digest]:
        """See `Registry.heads`."""
        wanted = list(dict.fromkeys(references))
        if len(wanted) < 2:
            answers = [self._head(*one) for one in wanted]
        else:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(_THREADS, len(wanted))) as pool:
                futures = [pool.submit(self._head, *one) for one in wanted]
                try:
                    answers = [future.result() for future in futures]
                except BaseException:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
        return {
            one: digest for one, digest in zip(wanted, answers, strict=True) if digest is not None
        }

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """See `Registry.manifest`; the digest is of the bytes that came."""
        name = Reference.parse(repository)
        url = self._url(name, f"manifests/{reference}")
        answer = self._ask("GET", url, name, {"Accept": ", ".join(MANIFEST_TYPES)})
        if answer.status == 404:
            self._must_be_absence(answer, "GET", url, name.registry)
            return None
        self._must_be_fine(answer, "GET", url, name.registry)
        digest = _digest_of(answer.body)
        said = answer.headers.get("Docker-Content-Digest")
        asked = reference if ":" in reference else None
        for other in (said, asked):
            if other is not None and other.startswith("sha256:") and other != digest.text:
                raise RegistryError(
                    f"GET {bare(url)}: the manifest has digest {digest}, not {other}",
                    hint="a proxy or the registry changed it on the way; do not use it",
                )
        content = _object(answer.body, url)
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        if media_type not in MANIFEST_TYPES:
            media_type = str(content.get("mediaType") or media_type)
        if media_type not in MANIFEST_TYPES:
            raise RegistryError(
                f"GET {bare(url)}: {media_type or 'no media type'} is not a manifest that we know",
                hint="push the image again with a current Docker",
            )
        return Manifest(digest, media_type, content, len(answer.body))

    def blob(self, repository: str, digest: Digest) -> bytes:
        """See `Registry.blob`; at most 16 MiB."""
        name = Reference.parse(repository)
        url = self._url(name, f"blobs/{digest}")
        answer = self._ask("GET", url, name, {})
        self._must_be_fine(answer, "GET", url, name.registry)
        if (got := _digest_of(answer.body)) != digest:
            raise RegistryError(
                f"GET {bare(url)}: the blob has digest {got}",
                hint="a proxy or the registry changed it on the way; do not use it",
            )
        return answer.body

    @cached_property
    def _transport(self) -> Transport:
        from layers.registry_transport import Transport

        return Transport(self._backoff, _THREADS)

    def _head(self, repository: str, tag: str) -> Digest | None:
        name = Reference.parse(repository)
        url = self._url(name, f"manifests/{tag}")
        answer = self._ask("HEAD", url, name, {"Accept": ", ".join(MANIFEST_TYPES)})
        if answer.status == 404:
            # An answer to HEAD has no body: one GET a host shows that a registry says this.
            if name.registry in self._proven:
                return None
            found = self.manifest(repository, tag)
            return found.digest if found else None
        self._must_be_fine(answer, "HEAD", url, name.registry)
        self._proven.add(name.registry)
        try:
            return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
        except BadDigest:
            # The header is only recommended (distribution-spec, "Pulling manifests").
            found = self.manifest(repository, tag)
            return found.digest if found else None

    def _speaks_http(self, host: str) -> bool:
        return is_loopback(host) or self._insecure(host)

    def _url(self, name: Reference, rest: str) -> str:
        scheme = "http" if self._speaks_http(name.registry) else "https"
        host = _HUB_API if name.registry == HUB else name.registry
        return f"{scheme}://{host}/v2/{name.repository}/{rest}"

    def _ask(self, method: str, url: str, name: Reference, headers: Mapping[str, str]) -> Answer:
        with self._lock:
            transport = self._transport
        sent = self._authority.header(name.registry, name.name, transport.send)
        for _ in range(3):
            answer = transport.send(
                method, url, {**headers, "Authorization": sent} if sent else headers
            )
            if answer.status != 401:
                break
            header = answer.headers.get("WWW-Authenticate", "")
            fresh = self._authority.challenged(
                header, name.registry, name.name, sent, transport.send
            )
            if not fresh:
                break
            sent = fresh
        return answer

    def _must_be_fine(self, answer: Answer, method: str, url: str, host: str) -> None:
        if answer.status == 200:
            return
        said = [f"{one.get('code')}: {one.get('message')}" for one in _errors(answer)]
        if answer.status in (401, 403):
            raise refusal(host, method, url, answer.status, said)
        words = f" ({'; '.join(said)})" if said else ""
        raise RegistryError(f"{method} {bare(url)}: {answer.status}{words}")

    def _must_be_absence(self, answer: Answer, method: str, url: str, host: str) -> None:
        if not any(str(one.get("code")) in _ABSENT for one in _errors(answer)):
            raise RegistryError(
                f"{method} {bare(url)}: 404, but not in a registry's words",
                hint=f"is {host} a registry, and is the repository's path right?",
            )
        self._proven.add(host)


def _digest_of(body: bytes) -> Digest:
    return Digest(f"sha256:{hashlib.sha256(body).hexdigest()}")


def _object(body: bytes, url: str) -> Mapping[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise RegistryError(f"GET {bare(url)}: the manifest is not a JSON object")
    return content


def _errors(answer: Answer) -> list[Mapping[str, Any]]:
    try:
        errors = json.loads(answer.body)["errors"]
    except (ValueError, KeyError, TypeError):
        return []
    return [one for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
