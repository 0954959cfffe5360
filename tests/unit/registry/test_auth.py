"""Registries that want to know who asks get the right answer, and nobody else gets it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hashes.errors import LayersError
from layers.oci.credentials import Credentials, DockerCredentials, Lenient, Login, NoCredentials
from layers.registry.auth import Challenge, challenges
from layers.registry.client import HttpRegistry
from layers.registry.registry import RegistryError, RegistryRefused
from layers.runtime.events import Event
from layers.runtime.retry import Backoff
from tests.httpscript import Asked, Said, Script, serving
from tests.ocidocs import OCI_MANIFEST, digest_of

BODY = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST}).encode()
DIGEST = digest_of(BODY)
FINE = Said(200, BODY, {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": DIGEST.text})
QUICK = Backoff(attempts=3, first=0.001)


class Logins:
    """Fixed logins by host."""

    def __init__(self, **fields: str) -> None:
        self.fields = fields

    def failure(self, host: str) -> LayersError | None:
        """See `layers.oci.credentials.Credentials.failure`."""
        return None

    def login(self, host: str) -> Login | None:
        return Login(**self.fields)


def client(credentials: Credentials | None = None, backoff: Backoff = QUICK) -> HttpRegistry:
    """A client that does not wait long."""
    return HttpRegistry(credentials or NoCredentials(), lambda host: False, backoff)


def in_turn(*answers: Said) -> Script:
    """A script that says each answer once, and the last one for ever."""
    left = list(answers)

    def script(asked: Asked) -> Said:
        return left.pop(0) if len(left) > 1 else left[0]

    return script


class TokenRegistry:
    """A script: a registry that wants tokens, and the place that gives them."""

    def __init__(self) -> None:
        self.given = 0
        self.forms: list[tuple[str | None, str, bytes]] = []
        self.accepted = True

    def __call__(self, asked: Asked) -> Said:
        parts = urlsplit(asked.path)
        if parts.path == "/token":
            self.given += 1
            self.forms.append((asked.headers.get("Authorization"), parts.query, asked.body))
            return Said(200, json.dumps({"token": f"t{self.given}", "expires_in": 300}).encode())
        if asked.headers.get("Authorization") == f"Bearer t{self.given}" and self.accepted:
            return FINE
        repository = parts.path.split("/")[2]
        realm = f'Bearer realm="http://{asked.headers["Host"]}/token",service="s p"'
        realm += f',scope="{repository}:pull,push"'
        return Said(401, b"", {"WWW-Authenticate": realm})


def test_one_token_serves_many_tags() -> None:
    """Asked in parallel, for one repository, with one client."""
    script = TokenRegistry()
    with serving(script) as server:
        registry = client()
        tags = [(f"{server.host}/a", f"t{n}") for n in range(20)]
        assert registry.heads(tags) == dict.fromkeys(tags, DIGEST)
        assert registry.heads(tags) == dict.fromkeys(tags, DIGEST)
    assert script.given == 1
    assert parse_qs(script.forms[0][1]) == {"service": ["s p"], "scope": ["a:pull,push"]}


def test_each_repository_has_its_own_token() -> None:
    """A token for one is refused by the other."""
    script = TokenRegistry()
    with serving(script) as server:
        registry = client()
        for path in ("a", "b"):
            assert registry.manifest(f"{server.host}/{path}", "t") is not None
    assert script.given == 2


def test_a_token_that_is_no_longer_taken_is_renewed() -> None:
    """Registries restart and keys rotate."""
    script = TokenRegistry()
    with serving(script) as server:
        registry = client()
        registry.manifest(f"{server.host}/a", "t")
        script.given = 7
        assert registry.manifest(f"{server.host}/a", "t") is not None
    assert script.given == 8


def test_a_token_that_is_never_taken_is_an_error() -> None:
    """And not a loop."""
    script = TokenRegistry()
    script.accepted = False
    with serving(script) as server, pytest.raises(RegistryError, match="docker login"):
        client().manifest(f"{server.host}/a", "t")
    assert len(server.asked) < 10


def test_a_login_buys_the_token() -> None:
    """By name and password, or by an identity token."""
    script = TokenRegistry()
    with serving(script) as server:
        client(Logins(username="me", password="pä:ss")).manifest(f"{server.host}/a", "t")
        client(Logins(identity_token="secret")).manifest(f"{server.host}/a", "t")
    assert script.forms[0][0] == "Basic " + base64.b64encode("me:pä:ss".encode()).decode()
    form = parse_qs(script.forms[1][2].decode())
    assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["secret"])


def test_a_refused_login_does_not_show_its_password() -> None:
    """Neither in the error nor in the login's own text."""
    login = Login("me", "hunter2")

    def script(asked: Asked) -> Said:
        realm = f'Bearer realm="http://u:hunter2@{asked.headers["Host"]}/token?x=hunter2"'
        status = 401 if asked.path.startswith("/v2") else 403
        return Said(status, b"", {"WWW-Authenticate": realm})

    with (
        serving(script) as server,
        pytest.raises(RegistryError, match="docker login") as caught,
    ):
        client(Logins(username="me", password="hunter2")).manifest(f"{server.host}/a", "t")
    assert "hunter2" not in str(caught.value) + repr(login)


def test_a_login_is_not_sent_in_the_clear() -> None:
    """A realm without https gets no password, wherever a registry points."""
    realm = 'Bearer realm="http://token.example.com/t"'
    with (
        serving(in_turn(Said(401, b"", {"WWW-Authenticate": realm}))) as server,
        pytest.raises(RegistryError, match="without encryption"),
    ):
        client(Logins(username="me", password="x")).manifest(f"{server.host}/a", "t")


def test_basic_is_answered_from_the_login() -> None:
    """Without one it is a refusal."""
    right = "Basic " + base64.b64encode(b"me:x").decode()

    def script(asked: Asked) -> Said:
        if asked.headers.get("Authorization") == right:
            return FINE
        return Said(401, b"", {"WWW-Authenticate": 'Basic realm="r"'})

    with serving(script) as server:
        registry = client(Logins(username="me", password="x"))
        assert registry.manifest(f"{server.host}/a", "t") is not None
        with pytest.raises(RegistryError, match="docker login"):
            client().manifest(f"{server.host}/a", "t")


def test_a_netrc_does_not_take_the_place_of_a_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`requests` would put its login over our header."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login wrong password wrong\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(TokenRegistry()) as server:
        assert client().manifest(f"{server.host}/a", "t") is not None


def test_a_blob_elsewhere_is_fetched_without_our_token() -> None:
    """Object stores refuse a second kind of authorization, and need not know ours."""
    content = b"config"
    with serving(in_turn(Said(200, content))) as store:
        inner = TokenRegistry()

        def script(asked: Asked) -> Said:
            answer = inner(asked)
            place = {"Location": f"http://localhost:{store.host.split(':')[1]}/x?sig=1"}
            return Said(307, b"", place) if answer is FINE else answer

        with serving(script) as server:
            assert client().blob(f"{server.host}/a", digest_of(content)) == content
    assert "Authorization" not in store.asked[0].headers


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Negotiate", []),
        ('Basic realm="a, b"', [Challenge("basic", "a, b")]),
        (
            'Bearer realm="https://h/t",service="s",scope="repository:a:pull,push"',
            [Challenge("bearer", "https://h/t", "s", "repository:a:pull,push")],
        ),
        (
            'bearer realm="x" , Basic realm=y',
            [Challenge("bearer", "x"), Challenge("basic", "y")],
        ),
        (
            'Bearer realm="x",error="invalid_token",scope="a\\"b"',
            [Challenge("bearer", "x", "", 'a"b')],
        ),
    ],
)
def test_challenges_are_read(header: str, expected: Any) -> None:
    """Several in one header, quoted or not, commas inside quotes."""
    assert challenges(header) == expected


def test_a_host_that_repeats_another_s_challenge_gets_no_token_of_its() -> None:
    """Tokens are kept by host: realm, service and scope are only what a host says."""
    script = TokenRegistry()
    with serving(script) as server:
        challenge = f'Bearer realm="http://{server.host}/token",service="s p",scope="a:pull,push"'
        copycat = Said(401, headers={"WWW-Authenticate": challenge})
        with serving(lambda asked: copycat) as other:
            registry = client()
            registry.manifest(f"{server.host}/a", "t")
            with pytest.raises(RegistryError):
                registry.manifest(f"{other.host}/a", "t")
    assert "Bearer t1" not in {asked.headers.get("Authorization") for asked in other.asked}


def test_a_write_has_a_token_of_its_own() -> None:
    """One that may only read is refused, and not asked for again for each blob."""
    scopes: list[str] = []

    def script(asked: Asked) -> Said:
        parts = urlsplit(asked.path)
        if parts.path == "/token":
            scopes.append(parse_qs(parts.query)["scope"][0])
            return Said(200, json.dumps({"token": scopes[-1]}).encode())
        scope = "repository:a:pull" if asked.method in ("GET", "HEAD") else "repository:a:push"
        if asked.headers.get("Authorization") == f"Bearer {scope}":
            return FINE if asked.method == "GET" else Said(201, b"", {})
        realm = f'Bearer realm="http://{asked.headers["Host"]}/token",service="s"'
        return Said(401, b"", {"WWW-Authenticate": f'{realm},scope="{scope}"'})

    with serving(script) as server:
        registry = client()
        for _ in range(3):
            registry.manifest(f"{server.host}/a", "t")
            registry.put_manifest(f"{server.host}/a", "t", BODY, OCI_MANIFEST)
    assert scopes == ["repository:a:pull", "repository:a:push"]


def test_a_helper_that_fails_is_an_error_only_where_a_login_is_needed(tmp_path: Path) -> None:
    """Whoever may read without one reads, with a warning; else the error names the helper."""
    (tmp_path / "config.json").write_text('{"credsStore": "nowhere"}')
    told: list[Event] = []
    logins = Lenient(DockerCredentials({"DOCKER_CONFIG": str(tmp_path)}), told.append)
    with serving(TokenRegistry()) as server:
        found = client(logins)
        assert found.heads([(f"{server.host}/a", "t")]) == {(f"{server.host}/a", "t"): DIGEST}
        (warning,) = told
        assert "docker-credential-nowhere" in str(warning)
    with (
        serving(lambda asked: Said(401, headers={"WWW-Authenticate": 'Basic realm="r"'})) as server,
        pytest.raises(RegistryRefused) as caught,
    ):
        client(logins).heads([(f"{server.host}/a", "t")])
    assert "401; this needs a login, and the credential helper for" in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/config.json: ")
    assert "take it out of credsStore" in caught.value.hint
