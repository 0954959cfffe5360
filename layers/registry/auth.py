"""Tokens for registries (distribution-spec's token authentication, RFC 6750 and RFC 7617)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple
from urllib.parse import urlsplit

from layers.oci.credentials import Credentials, Login
from layers.registry.registry import RegistryError, RegistryRefused

_PARAMETER = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))\s*,?\s*')
_SCHEME = re.compile(r"(?:^|,)\s*(Bearer|Basic)\s+(?=\w+=)", re.IGNORECASE)


class Answer(NamedTuple):
    """What came back, body included; header names compare without case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Send = Callable[..., Answer]
"""``send(method, url, headers=…, params=…, data=…)``; it retries what is worth it."""


@dataclass(frozen=True)
class Challenge:
    """What a registry's 401 asks for; ``scheme`` is ``bearer`` or ``basic``."""

    scheme: str
    realm: str = ""
    service: str = ""
    scope: str = ""


def challenges(header: str) -> list[Challenge]:
    """Read WWW-Authenticate; schemes that we do not speak are left out."""
    starts = list(_SCHEME.finditer(header))
    ends = [later.start() for later in starts[1:]] + [len(header)] * bool(starts)
    found = []
    for start, end in zip(starts, ends, strict=True):
        values = {
            name.lower(): re.sub(r"\\(.)", r"\1", quoted) or bare
            for name, quoted, bare in _PARAMETER.findall(header[start.end() : end])
        }
        parts = [values.get(name, "") for name in ("realm", "service", "scope")]
        found.append(Challenge(start[1].lower(), *parts))
    return found


class Authority:
    """Answers challenges; threads may share it.

    Remembers tokens by host, realm, service and scope, and what each errand was asked for.
    """

    def __init__(
        self,
        credentials: Credentials,
        insecure: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = credentials
        self._insecure = insecure
        self._clock = clock
        # By host, too: a host that repeats another's challenge must not get its token.
        self._tokens: dict[tuple[str, Challenge], tuple[str, float]] = {}
        self._asked: dict[str, Challenge] = {}
        self._lock = Lock()

    def refusal(
        self, host: str, method: str, url: str, status: int, said: Iterable[str] = ()
    ) -> RegistryRefused:
        """The error for 401 and 403; ``said`` are the registry's own words."""
        words = "; ".join(said)
        text = f"{method} {bare(url)}: {status}{f' ({words})' if words else ''}"
        failure = self._credentials.failure(host)
        if failure is not None:
            text = f"{text}; this needs a login, and {failure.message}"
            return RegistryRefused(text, file=failure.file, hint=failure.hint)
        hint = f"run `docker login {host}` with an account that may use this repository"
        return RegistryRefused(text, hint=hint)

    def header(self, host: str, errand: str, send: Send) -> str | None:
        """``Authorization`` for an errand that was challenged before, else None.

        An errand is any text; ours is a repository, and what is done there beyond reading.
        """
        challenge = self._asked.get(errand)
        return self._answer(challenge, host, send) if challenge else None

    def challenged(
        self,
        header: str,
        host: str,
        errand: str,
        refused: str | None,
        send: Send,
        also: str = "",
    ) -> str | None:
        """``Authorization`` that answers a 401; None when nothing is left to try.

        ``refused`` is the value that was sent and not taken, None when none was; ``also`` is a
        scope to ask for even if the registry does not name it.
        """
        for told in sorted(challenges(header), key=lambda one: one.scheme != "bearer"):
            challenge = told
            if also and told.scheme == "bearer" and also not in told.scope.split():
                challenge = replace(told, scope=f"{told.scope} {also}".strip())
            with self._lock:
                known = self._tokens.get((host, challenge))
                if known and refused == f"Bearer {known[0]}":
                    del self._tokens[host, challenge]
            answer = self._answer(challenge, host, send)
            if answer and answer != refused:
                self._asked[errand] = challenge
                return answer
        return None

    def _answer(self, challenge: Challenge, host: str, send: Send) -> str | None:
        if challenge.scheme == "basic":
            login = self._credentials.login(host)
            return _basic(login) if login and login.password else None
        with self._lock:
            token, until = self._tokens.get((host, challenge), ("", 0.0))
            if not token or self._clock() >= until:
                token, seconds = self._fetch(challenge, host, send)
                self._tokens[host, challenge] = (token, self._clock() + seconds * 0.8)
        return f"Bearer {token}"

    def _fetch(self, challenge: Challenge, host: str, send: Send) -> tuple[str, float]:
        login = self._credentials.login(host)
        realm = urlsplit(challenge.realm)
        if realm.scheme not in ("http", "https") or not realm.hostname:
            raise RegistryError(f"{host} wants a token from somewhere that is no URL")
        if realm.scheme == "http" and login and not self._insecure(realm.netloc.rpartition("@")[2]):
            raise RegistryError(
                f"{host} wants the login sent to {bare(challenge.realm)} without encryption",
                hint="the registry's token realm must be https",
            )
        fields = {"service": challenge.service, "scope": challenge.scope}
        fields = {name: value for name, value in fields.items() if value}
        if login and login.identity_token:
            secret = {"grant_type": "refresh_token", "refresh_token": login.identity_token}
            form = {**fields, **secret, "client_id": "doit-layers"}
            method = "POST"
            response = send(method, challenge.realm, data=form)
        else:
            headers = {"Authorization": _basic(login)} if login else {}
            method = "GET"
            # One parameter a scope, as Docker asks (distribution, docs/spec/auth/token.md).
            scopes = {"scope": challenge.scope.split()} if challenge.scope else {}
            response = send(method, challenge.realm, params={**fields, **scopes}, headers=headers)
        if response.status in (400, 401, 403):
            raise self.refusal(host, method, challenge.realm, response.status)
        try:
            content = json.loads(response.body)
            token = content.get("token") or content["access_token"]
            return str(token), float(content.get("expires_in") or 60)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise RegistryError(
                f"{host}: {bare(challenge.realm)} answered {response.status} and no token"
            ) from error


def bare(url: str) -> str:
    """A URL fit to be shown: no user, no password, no query (presigned links carry secrets)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _basic(login: Login) -> str:
    import base64

    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
