"""Logins for registries, as `docker login` left them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from hashes.errors import LayersError
from layers.runtime.events import Listener, Warned

if TYPE_CHECKING:
    from docker.auth import AuthConfig


class CredentialsError(LayersError):
    """Docker's configuration or its credential helper cannot be used."""


@dataclass(frozen=True)
class Login:
    """What one registry wants to see; the secrets stay out of ``repr``."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth2 refresh token, in the place of name and password."""


class Credentials(Protocol):
    """Knows logins by registry host."""

    def login(self, host: str) -> Login | None:
        """The login for ``host`` (``host[:port]``, ``docker.io`` for the Hub), None if none."""
        ...

    def failure(self, host: str) -> LayersError | None:
        """Why the login for ``host``, which was asked for, could not be had; None: it could."""
        ...


class NoCredentials:
    """Nobody is logged in anywhere."""

    def login(self, host: str) -> Login | None:  # noqa: ARG002
        """None for every ``host``."""
        return None

    def failure(self, host: str) -> LayersError | None:  # noqa: ARG002
        """Nothing fails."""
        return None


class DockerCredentials:
    """Logins from ``$DOCKER_CONFIG/config.json``, its credential store and its helpers.

    ``environment`` is the one in which ``docker login`` ran (DOCKER_CONFIG, HOME, PATH).
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        home = environment.get("HOME") or os.path.expanduser("~")
        folder = environment.get("DOCKER_CONFIG") or os.path.join(home, ".docker")
        self._path = os.path.join(folder, "config.json")
        self._config: AuthConfig | None = None
        self._read = False
        self._logins: dict[str, Login | None] = {}
        self._lock = Lock()

    def login(self, host: str) -> Login | None:
        """See `Credentials.login`; asked once a host, since a helper is a process."""
        with self._lock:
            if host not in self._logins:
                self._logins[host] = self._ask(host)
            return self._logins[host]

    def failure(self, host: str) -> LayersError | None:  # noqa: ARG002
        """See `Credentials.failure`; whoever asked for the login was told."""
        return None

    def _ask(self, host: str) -> Login | None:
        if not self._read:
            self._config = self._load()
            self._read = True
        if self._config is None:
            return None
        import warnings

        from docker.errors import DockerException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # docker's own about a helper that is not there
                found: dict[str, str] | None = self._config.resolve_authconfig(host)
        # A helper's answer may be anything: no JSON, no object, no text.
        except (DockerException, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._failed(host, error) from error
        if not found:
            return None
        token = found.get("IdentityToken") or found.get("identitytoken") or ""
        name = found.get("Username") or found.get("username") or ""
        secret = found.get("Password") or found.get("password") or ""
        return Login(name, secret, token) if token or name or secret else None

    def _failed(self, host: str, error: Exception) -> CredentialsError:
        config = self._config
        name = config.get_credential_store(host) if config is not None else None
        program = f"docker-credential-{name}" if name else "the credential helper"
        path = self._environment.get("PATH", os.environ.get("PATH"))
        if name and shutil.which(program, path=path) is None:
            return CredentialsError(
                f"the credential helper for {host}, {program}, is not installed",
                file=self._path,
                hint=f"install {program}, or take it out of credsStore and credHelpers there and"
                f" run `docker login {host}`",
            )
        said = str(error) if isinstance(error, ValueError) else str(error.__cause__ or error)
        # The SDK quotes what the helper printed; its error output went to the terminal.
        reason = said.strip()
        if reason.endswith('exited with "".'):
            reason = "it ended with an error and printed no reason"
        return CredentialsError(
            f"the credential helper for {host}, {program}, failed: {reason}",
            file=self._path,
            hint=f"run `docker login {host}` again, or mend credsStore/credHelpers",
        )

    def _load(self) -> AuthConfig | None:
        try:
            with open(self._path, encoding="utf-8") as file:
                content: Any = json.load(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CredentialsError(
                f"cannot read Docker's configuration: {error}",
                file=self._path,
                hint="mend the file, or move it away and run `docker login` again",
            ) from error
        wanted = ("auths", "credsStore", "credHelpers")
        if not isinstance(content, dict) or not any(content.get(name) for name in wanted):
            return None
        from docker.auth import AuthConfig
        from docker.errors import DockerException

        try:
            return AuthConfig.load_config(None, content, credstore_env=self._environment)
        except (DockerException, ValueError) as error:
            raise CredentialsError(
                f"cannot read Docker's logins: {error}",
                file=self._path,
                hint="run `docker login` again for the registry in use",
            ) from error


class Lenient:
    """Logins of others; where they cannot be had, a warning and no login.

    Much can be read without one. What cannot is refused by its registry, and then `failure` tells
    why there was none.
    """

    def __init__(self, credentials: Credentials, tell: Listener) -> None:
        self._credentials = credentials
        self._tell = tell
        self._failed: dict[str, CredentialsError] = {}
        self._lock = Lock()

    def failure(self, host: str) -> LayersError | None:
        """See `Credentials.failure`."""
        return self._failed.get(host)

    def login(self, host: str) -> Login | None:
        """See `Credentials.login`; a host whose login failed is not tried again."""
        with self._lock:
            if host in self._failed:
                return None
            try:
                return self._credentials.login(host)
            except CredentialsError as error:
                self._failed[host] = error
                self._tell(Warned(f"{error}\n{host} is asked without a login"))
                return None


def engine_header(login: Login | None) -> dict[str, str]:
    """The header that hands a login to the engine.

    Sent even without a login: a push that lacks it is a bad request (Docker 26).
    """
    import base64

    content: dict[str, str] = {}
    if login and login.identity_token:
        content = {"identitytoken": login.identity_token}
    elif login:
        content = {"username": login.username, "password": login.password}
    text = base64.urlsafe_b64encode(json.dumps(content).encode())
    return {"X-Registry-Auth": text.decode("ascii")}
