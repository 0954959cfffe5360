"""Sessions: a registry's URLs, asked with its host's login and certificates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeVar

from layers.oci.credentials import Credentials
from layers.oci.reference import HUB, Reference, is_loopback
from layers.registry.auth import Answer, Authority, bare
from layers.registry.headers import origin
from layers.registry.registry import (
    RegistryError,
    RegistryRefused,
    RegistryRejected,
    RepositoryUnknown,
)
from layers.registry.tls import DOCKER_CERTS, certificates, context
from layers.runtime.retry import Backoff

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from layers.registry.transport import Download, Transport

THREADS = 8
_HUB_API = "registry-1.docker.io"
_ABSENT = frozenset(
    {"BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND", "TAG_UNKNOWN"}
)
"""Harbor says NOT_FOUND for a repository or project that it does not have."""
_LACKING = frozenset({"BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN"})
"""A manifest came before what it names was seen: another try may find it."""


class _Told(Protocol):
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...


T = TypeVar("T", bound=_Told)


class Wire:
    """Threads may share it; connections are by registry, tokens by registry and errand."""

    def __init__(
        self,
        credentials: Credentials,
        insecure: Callable[[str], bool],
        backoff: Backoff,
        certs: str = DOCKER_CERTS,
    ) -> None:
        """``insecure`` is asked with ``host[:port]``; ``certs`` is laid out as Docker's folder."""
        self.backoff = backoff
        self._insecure = insecure
        self._certs = certs
        self._authority = Authority(credentials, self._speaks_http)
        self._lock = Lock()
        self._transports: dict[str, Transport] = {}
        self._proven: set[str] = set()
        self._headless: set[str] = set()

    def url(self, name: Reference, rest: str) -> str:
        """``rest`` below a repository; loopback and insecure hosts speak http."""
        scheme = "http" if self._speaks_http(name.registry) else "https"
        host = _HUB_API if name.registry == HUB else name.registry
        return f"{scheme}://{host}/v2/{name.repository}/{rest}"

    def ask(
        self,
        method: str,
        url: str,
        name: Reference,
        headers: Mapping[str, str] | None = None,
        errand: str = "",
        data: bytes | None = None,
    ) -> Answer:
        """The answer, a login given where it is asked for; trouble that passes is waited out.

        ``errand`` is what is done beyond reading, as in ``push``: it has a token of its own.
        """
        transport = self._transport(name)
        return self._authorised(
            name,
            errand,
            "",
            headers or {},
            lambda sent: transport.send(method, url, sent, data=data),
        )

    def once(
        self,
        method: str,
        url: str,
        name: Reference,
        headers: Mapping[str, str],
        body: Callable[[], Iterable[bytes] | bytes] | None = None,
        errand: str = "push",
        also: str = "",
    ) -> Answer:
        """As `ask`, but one try: raises `Again`, and a redirect is an answer.

        ``body`` is opened for each try; ``also`` is a scope to have beside the errand's own. A
        ``url`` elsewhere than at the registry gets no login.
        """
        transport = self._transport(name)

        def send(sent: Mapping[str, str]) -> Answer:
            return transport.upload(method, url, sent, body() if body else None)

        if origin(url) != origin(self.url(name, "")):
            return send(headers)
        return self._authorised(name, errand, also, headers, send)

    @contextmanager
    def download(self, url: str, name: Reference, headers: Mapping[str, str]) -> Iterator[Download]:
        """As `once`, of a body that is yet to be read."""
        transport = self._transport(name)
        opened: list[Download] = []

        def open_it(sent: Mapping[str, str]) -> Download:
            opened.append(transport.download(url, sent))
            return opened[-1]

        try:
            yield self._authorised(name, "", "", headers, open_it)
        finally:
            for one in opened:
                one.__exit__()

    def must_be_fine(self, answer: Answer, method: str, url: str, name: Reference) -> None:
        """Raise RegistryError with the registry's own words unless the status is 2xx."""
        if 200 <= answer.status < 300:
            self._proven.add(name.registry)
            return
        told = errors(answer)
        said = [f"{one.get('code')}: {one.get('message')}" for one in told]
        if answer.status in (401, 403):
            raise self._authority.refusal(name.registry, method, url, answer.status, said)
        words = f" ({'; '.join(said)})" if said else ""
        text = f"{method} {bare(url)}: {answer.status}{words}"
        # 405: the registry is read-only; 409, 412 and "immutable": it keeps its tags (Harbor, ECR).
        if answer.status in (405, 409, 412) or "immutable" in words.lower():
            raise RegistryRefused(
                text, hint=f"{name.registry} does not allow this for {name.repository}"
            )
        codes = {str(one.get("code")) for one in told}
        if _rejects(answer.status, codes):
            raise RegistryRejected(text)
        if answer.status == 404 and "NAME_UNKNOWN" in codes:
            hint = "make the repository, or let create_repository in images.toml make it"
            raise RepositoryUnknown(text, hint=hint)
        raise RegistryError(text)

    def must_be_absence(self, answer: Answer, method: str, url: str, name: Reference) -> None:
        """Raise RegistryError for a 404 that is not in a registry's words: a proxy's, a typo's."""
        if not any(str(one.get("code")) in _ABSENT for one in errors(answer)):
            raise RegistryError(
                f"{method} {bare(url)}: 404, but not in a registry's words",
                hint=f"is {name.registry} a registry, and is the repository's path right?",
            )
        self._proven.add(name.registry)

    def proven(self, name: Reference) -> bool:
        """Whether that host has answered as a registry: then a 404 to HEAD, which has no body, is
        taken for what it says.
        """
        return name.registry in self._proven

    def headless(self, name: Reference) -> bool:
        """Whether that host is known to answer no HEAD, so that GET is all there is."""
        return name.registry in self._headless

    def refuses_head(self, answer: Answer, name: Reference) -> bool:
        """Whether an answer to HEAD says that only GET may tell; remembered where it is plain."""
        if answer.status in (405, 501):
            self._headless.add(name.registry)
        # Links signed for GET alone answer 403 to HEAD, and some proxies 400.
        return answer.status in (400, 403, 405, 501)

    def _authorised(
        self,
        name: Reference,
        errand: str,
        also: str,
        headers: Mapping[str, str],
        call: Callable[[Mapping[str, str]], T],
    ) -> T:
        send = self._transport(name).send
        purpose = f"{name.name} {errand} {also}".rstrip()
        sent = self._authority.header(name.registry, purpose, send)
        for _ in range(3):
            answer = call({**headers, "Authorization": sent} if sent else headers)
            if answer.status != 401:
                break
            header = answer.headers.get("WWW-Authenticate", "")
            fresh = self._authority.challenged(header, name.registry, purpose, sent, send, also)
            if not fresh:
                break
            sent = fresh
        return answer

    def _transport(self, name: Reference) -> Transport:
        with self._lock:
            if name.registry not in self._transports:
                from layers.registry.transport import Transport

                tls = context(certificates(name.registry, self._certs))
                self._transports[name.registry] = Transport(self.backoff, THREADS, tls)
            return self._transports[name.registry]

    def _speaks_http(self, host: str) -> bool:
        return is_loopback(host) or self._insecure(host)


def _rejects(status: int, codes: set[str]) -> bool:
    """Whether a registry says that it will never take what was sent.

    An error page without its words may be some proxy's; 415 and 501 are plain by themselves.
    """
    if status in (415, 501):
        return True
    return 400 <= status < 500 and status != 404 and bool(codes) and not codes & _LACKING


def errors(answer: Answer) -> list[Mapping[str, object]]:
    """What the registry says is wrong (distribution-spec, "Error Codes"); [] without its words."""
    try:
        told = json.loads(answer.body)["errors"]
    except (ValueError, KeyError, TypeError):
        return []
    return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
