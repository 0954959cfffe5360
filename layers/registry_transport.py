"""Requests to registries: kept-alive, patient with trouble that passes, quick to say down."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from layers.registry import RegistryDown, RegistryError
from layers.registry_auth import Answer, bare
from layers.registry_hosts import is_loopback
from layers.retry import Again, Backoff, persist, retry_after

_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
MOST_BYTES = 16 << 20
"""No manifest or config is larger; a body beyond this is not read."""


class Transport:
    """A pool of connections that threads may share."""

    def __init__(self, backoff: Backoff, connections: int) -> None:
        self._backoff = backoff
        self._session = requests.Session()
        # Harbor takes a cookie as the sign of a browser and then wants CSRF tokens
        # (https://github.com/dotnet/sdk/pull/37221).
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Without an auth of its own, requests takes a login from ~/.netrc over our header.
        self._session.auth = _leave_alone
        adapter = HTTPAdapter(pool_connections=4, pool_maxsize=connections, max_retries=0)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._verify = _machine_certificates()

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Answer:
        """The answer, body read; 429, 5xx, timeouts and resets are tried again first.

        Raises RegistryDown when nothing answers, RegistryError when trouble stays.
        """

        def once() -> Answer:
            try:
                with self._session.request(
                    method,
                    url,
                    headers=dict(headers or {}),
                    params=params,
                    data=data,
                    stream=True,
                    timeout=(5, 30),
                    verify=self._verify,
                    proxies=_direct(url),
                ) as response:
                    body = _read(response, f"{method} {bare(url)}")
            except (requests.RequestException, OSError) as error:
                raise _trouble(method, url, error) from error
            if response.status_code in _PASSING:
                after = retry_after(response.headers.get("Retry-After"), time.time())
                raise Again(_stays(method, url, response.status_code), after)
            return Answer(response.status_code, response.headers, body)

        return persist(once, self._backoff)


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


def _read(response: requests.Response, what: str) -> bytes:
    parts, size = [], 0
    for part in response.iter_content(65536):
        size += len(part)
        if size > MOST_BYTES:
            raise RegistryError(f"{what}: the answer has more than {MOST_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


def _stays(method: str, url: str, status: int) -> RegistryError:
    hint = "the registry is in trouble; try again later"
    if status == 429:
        hint = "the registry limits requests: wait, or run `docker login` for a higher limit"
    return RegistryError(f"{method} {bare(url)}: {status}", hint=hint)


def _trouble(method: str, url: str, error: Exception) -> Exception:
    what = f"{method} {bare(url)}"
    causes = list(_causes(error))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return RegistryError(
            f"{what}: TLS failed ({causes[-1]})",
            hint="does the registry speak https with a certificate that this machine trusts? "
            "REQUESTS_CA_BUNDLE names a bundle of your own",
        )
    down = RegistryDown(
        f"{what}: no registry answers ({causes[-1]})", hint="is it up, and is the address right?"
    )
    for cause in causes:
        if isinstance(cause, ConnectionRefusedError):
            return down
        if isinstance(cause, socket.gaierror) and cause.errno != socket.EAI_AGAIN:
            return down
        if isinstance(cause, OSError) and cause.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return down
    passing = (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
        OSError,
    )
    if isinstance(error, requests.RequestException) and not isinstance(error, passing):
        return RegistryError(f"{what}: {error}")
    return Again(down)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    left = [error]
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        left += [cause for cause in inner if isinstance(cause, BaseException)]
