"""Faults between us and registries: which of them pass."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

import requests

from layers.registry.auth import bare
from layers.registry.registry import RegistryDown, RegistryError
from layers.runtime.retry import Again

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def stays(method: str, url: str, status: int) -> RegistryError:
    """The error for a status of `PASSING` that did not pass."""
    hint = "the registry is in trouble; try again later"
    if status == 429:
        hint = "the registry limits requests: wait, or run `docker login` for a higher limit"
    return RegistryError(f"{method} {bare(url)}: {status}", hint=hint)


def trouble(
    method: str, url: str, error: Exception, around: BaseException | None = None
) -> Exception:
    """What to raise when there was no answer: `Again` where another try may get one.

    ``around`` is what the caller was handling when it asked; that is no cause of this.
    """
    what = f"{method} {bare(url)}"
    causes = list(_causes(error, around))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return RegistryError(
            f"{what}: TLS failed ({causes[-1]})",
            hint="does the registry speak https with a certificate that this machine trusts? "
            "REQUESTS_CA_BUNDLE names a bundle of your own, and Docker's "
            "/etc/docker/certs.d/<host>/ca.crt is read, too",
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


def _causes(error: BaseException, around: BaseException | None) -> Iterator[BaseException]:
    seen = {id(around)}
    left = [error]
    while left:
        one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        left += [cause for cause in inner if isinstance(cause, BaseException)]
