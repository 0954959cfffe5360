"""docker's SDK: its client for one engine, over ssh on connections of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docker import APIClient
from docker.transport import UnixHTTPAdapter
from docker.utils import kwargs_from_env
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from layers.engine.sockets import Dial

_TLS = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
_PATIENT: dict[str, Any] = {"timeout": None}
"""No limit of time: a prune, or a command in a container, says nothing until its end."""


def connected(host: str, environment: Mapping[str, str]) -> Any:
    """A client that has asked for the API's version; half of it has no types (types-docker 7.2).

    Raises docker's own errors.
    """
    remote = host.startswith(("tcp://", "https://"))
    tls = {name: environment.get(name, "") for name in _TLS if remote}
    found = kwargs_from_env(environment={**tls, "DOCKER_HOST": host})
    return APIClient(**{"version": "auto", **_PATIENT, **found})


def dialled(dial: Dial, version: str) -> Any:
    """A client of that API's version whose connections come from ``dial``; nothing is asked yet.

    The SDK's own ssh needs paramiko, also where it starts ssh itself (docker 7.1, sshconn.py).
    """
    client: Any = APIClient(base_url="unix:///dialled", version=version, **_PATIENT)
    client.mount("http+docker://", _Adapter(dial))
    return client


class _Connection(HTTPConnection):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost")
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()


class _Pool(HTTPConnectionPool):
    def __init__(self, dial: Dial) -> None:
        super().__init__("localhost")
        self._dial = dial

    def _new_conn(self) -> _Connection:
        return _Connection(self._dial)


class _Adapter(UnixHTTPAdapter):
    """The SDK's for sockets of this machine, on a pool of ours."""

    def __init__(self, dial: Dial) -> None:
        super().__init__("http+unix:///dialled")
        self._pool = _Pool(dial)

    def get_connection(self, url: Any, proxies: Any = None) -> Any:  # noqa: ARG002  # requests' own
        return self._pool

    def close(self) -> None:
        super().close()
        self._pool.close()
