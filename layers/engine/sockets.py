"""Sockets to an engine: unix, tcp, TLS, and ssh the way docker's own CLI does it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from layers.engine.engine import EngineError

if TYPE_CHECKING:
    import ssl
    import subprocess

Dial = Callable[[], socket.socket]
"""Opens a new connection to one fixed engine; raises OSError when there is none."""

_CONNECT_SECONDS = 10.0


def dialer(host: str, environment: Mapping[str, str]) -> Dial:
    """How to reach ``host``, an address as in DOCKER_HOST; nothing is opened yet.

    ``environment`` has what docker's CLI reads: DOCKER_TLS_VERIFY and DOCKER_CERT_PATH for
    tcp://, PATH and the agent's variables for ssh://.
    """
    scheme, separator, rest = host.partition("://")
    rest = rest.rstrip("/") if scheme != "unix" else rest
    if separator and rest:
        if scheme == "unix":
            return lambda: _unix(rest)
        if scheme == "ssh":
            return lambda: _ssh(rest, environment)
        if scheme in ("tcp", "http", "https"):
            name, port = _host_and_port(host, rest)
            tls = scheme == "https" or environment.get("DOCKER_TLS_VERIFY")
            if tls or (environment.get("DOCKER_CERT_PATH") and scheme == "tcp"):
                return lambda: _tls(name, port or 2376, environment)
            return lambda: _tcp(name, port or 2375)
    raise EngineError(
        f"engine address {host!r}: expected unix://, tcp:// or ssh://",
        hint="set DOCKER_HOST, or choose a context with `docker context use`",
    )


def _host_and_port(host: str, rest: str) -> tuple[str, int]:
    name, colon, port = rest.rpartition(":")
    if not colon or rest.endswith("]"):
        return rest.strip("[]"), 0
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise EngineError(f"engine address {host!r}: {port!r} is not a port")
    return name.strip("[]"), int(port)


def _unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_CONNECT_SECONDS)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _tcp(name: str, port: int) -> socket.socket:
    connection = socket.create_connection((name, port), _CONNECT_SECONDS)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def _tls(name: str, port: int, environment: Mapping[str, str]) -> socket.socket:
    context = _tls_context(environment)
    plain = _tcp(name, port)
    try:
        return context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise


def _tls_context(environment: Mapping[str, str]) -> ssl.SSLContext:
    import ssl

    home = environment.get("HOME") or os.path.expanduser("~")
    folder = environment.get("DOCKER_CERT_PATH") or os.path.join(home, ".docker")
    authority, certificate, key = (
        os.path.join(folder, name) for name in ("ca.pem", "cert.pem", "key.pem")
    )
    try:
        context = ssl.create_default_context(
            cafile=authority if os.path.exists(authority) else None
        )
        if not environment.get("DOCKER_TLS_VERIFY"):
            # docker's CLI: --tls without --tlsverify encrypts and trusts anybody.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if os.path.exists(certificate):
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise EngineError(
            f"cannot use the engine's certificates: {error}",
            file=folder,
            hint="expected ca.pem, cert.pem and key.pem; see DOCKER_CERT_PATH",
        ) from error
    return context


class _Tunnel(socket.socket):
    """Our end of a socket pair whose other end is a process; closing it ends the process."""

    process: subprocess.Popen[bytes] | None = None

    def close(self) -> None:
        super().close()
        if self.process:
            self.process.terminate()
            self.process.wait()


def _ssh(rest: str, environment: Mapping[str, str]) -> socket.socket:
    import subprocess

    target, _, path = rest.partition("/")
    user, at, address = target.rpartition("@")
    name, port = _host_and_port(f"ssh://{rest}", address)
    command = ["ssh", "-o", "ConnectTimeout=10", "-T"]
    command += ["-p", str(port)] if port else []
    command += ["-l", user] if at else []
    command += ["--", name, "docker"]
    command += ["--host", f"unix:///{path}"] if path else []
    ours, theirs = socket.socketpair()
    tunnel = _Tunnel(fileno=ours.detach())
    with theirs:
        try:
            tunnel.process = subprocess.Popen(
                [*command, "system", "dial-stdio"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                # Ctrl-C is ours to answer; docker's CLI gives ssh its own session, too.
                start_new_session=True,
                env={**os.environ, **environment},
            )
        except OSError:
            tunnel.close()
            raise
    return tunnel
