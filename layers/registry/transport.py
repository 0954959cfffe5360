"""Requests to registries: kept-alive, patient with trouble that passes, quick to say down."""

from __future__ import annotations

import os
import ssl
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from layers.oci.reference import is_loopback
from layers.registry.auth import Answer, bare
from layers.registry.errors import PASSING, stays, trouble
from layers.registry.registry import RegistryError
from layers.runtime.retry import Again, Backoff, persist, retry_after

MOST_BYTES = 16 << 20
"""No manifest or config is larger; a body beyond this is not read."""

_PART = 256 << 10
_QUICK = (5.0, 30.0)
_SENDING = (60.0, 300.0)
"""Seconds to connect and between bytes. The first also limits each write to a fresh connection,
the second the time in which a registry hashes and moves an upload before it answers."""


class Transport:
    """A pool of connections that threads may share; ``tls`` is for hosts with own certificates."""

    def __init__(
        self, backoff: Backoff, connections: int, tls: ssl.SSLContext | None = None
    ) -> None:
        self._backoff = backoff
        self._session = _Session()
        # Harbor takes a cookie as the sign of a browser and then wants CSRF tokens
        # (https://github.com/dotnet/sdk/pull/37221).
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Without an auth of its own, requests takes a login from ~/.netrc over our header.
        self._session.auth = _leave_alone
        adapter = _Adapter(tls, pool_connections=4, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._verify = _machine_certificates()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | list[str]] | None = None,
        data: Mapping[str, str] | bytes | None = None,
    ) -> Answer:
        """The answer, body read; 429, 5xx, timeouts and resets are tried again first.

        Raises RegistryDown when nothing answers, RegistryError when trouble stays.
        """

        def once() -> Answer:
            with self._open(method, url, headers, params=params, data=data) as response:
                return _answer(response, method, url)

        return persist(once, self._backoff)

    def upload(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        data: Iterable[bytes] | bytes | None,
    ) -> Answer:
        """The answer to one try: trouble that passes raises `Again`, redirects are answers.

        ``data`` is bytes, or an iterable whose attribute ``len`` tells the bytes to come.
        """
        with self._open(
            method, url, headers, data=data, allow_redirects=False, timeout=_SENDING
        ) as response:
            return _answer(response, method, url)

    def download(self, url: str, headers: Mapping[str, str]) -> Download:
        """One try to GET a large body, which is yet to be read; raises `Again` as `upload`."""
        return Download(url, self._open("GET", url, headers))

    def _open(
        self, method: str, url: str, headers: Mapping[str, str] | None, **more: Any
    ) -> requests.Response:
        around = sys.exc_info()[1]
        try:
            response = self._session.request(
                method,
                url,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                stream=True,
                verify=self._verify,
                proxies=_direct(url),
                **{"timeout": _QUICK, **more},
            )
        except (requests.RequestException, OSError) as error:
            raise trouble(method, url, error, around) from error
        if response.status_code in PASSING:
            response.close()
            after = retry_after(response.headers.get("Retry-After"), time.time())
            raise Again(stays(method, url, response.status_code), after)
        return response


class Download:
    """An answer whose body is read part by part; use it in a ``with``."""

    def __init__(self, url: str, response: requests.Response) -> None:
        self._url = url
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    def __enter__(self) -> Download:
        return self

    def __exit__(self, *_: object) -> None:
        self._response.close()

    def parts(self) -> Iterator[bytes]:
        """The body; raises `Again` when it breaks off."""
        try:
            yield from self._response.iter_content(_PART)
        except (requests.RequestException, OSError) as error:
            raise trouble("GET", self._url, error) from error

    def answer(self) -> Answer:
        """The whole of a small body: what the registry says instead of a blob."""
        return _answer(self._response, "GET", self._url)


class _Session(requests.Session):
    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """On a redirect to another host our header goes, and none from ~/.netrc comes."""
        old, new = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(old, new):  # type: ignore[no-untyped-call]  # its stub has no types
            prepared_request.headers.pop("Authorization", None)


class _Adapter(HTTPAdapter):
    def __init__(self, tls: ssl.SSLContext | None, **more: Any) -> None:
        self._tls = tls
        super().__init__(**more)

    def init_poolmanager(self, *positional: Any, **named: Any) -> Any:
        """Connect with our certificates; those that requests verifies by come on top."""
        if self._tls is not None:
            named["ssl_context"] = self._tls
        return super().init_poolmanager(*positional, **named)

    def proxy_manager_for(self, proxy: Any, **named: Any) -> Any:
        """The same behind a proxy."""
        if self._tls is not None:
            named["ssl_context"] = self._tls
        return super().proxy_manager_for(proxy, **named)


def _direct(url: str) -> dict[str, str] | None:
    # Docker (Go's net/http) never asks a proxy for loopback hosts; requests would.
    parts = urlsplit(url)
    return {"no_proxy": parts.hostname or ""} if is_loopback(parts.netloc) else None


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _machine_certificates() -> str | bool:
    """The machine's CA bundle; requests reads REQUESTS_CA_BUNDLE itself, and has its own bundle."""
    if os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        return True
    bundle = ssl.get_default_verify_paths().cafile
    return bundle if bundle and os.path.isfile(bundle) else True


def _answer(response: requests.Response, method: str, url: str) -> Answer:
    parts, size = [], 0
    try:
        for part in response.iter_content(65536):
            size += len(part)
            if size > MOST_BYTES:
                raise RegistryError(
                    f"{method} {bare(url)}: the answer has more than {MOST_BYTES >> 20} MiB"
                )
            parts.append(part)
    except (requests.RequestException, OSError) as error:
        raise trouble(method, url, error) from error
    return Answer(response.status_code, response.headers, b"".join(parts))
