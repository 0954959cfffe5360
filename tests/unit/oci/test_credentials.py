"""Logins are found where `docker login` leaves them."""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import Any

import pytest

from layers.oci.credentials import (
    CredentialsError,
    DockerCredentials,
    Lenient,
    Login,
    engine_header,
)
from layers.runtime.events import Event, Warned


def found(folder: Path, content: Any, host: str) -> Login | None:
    """The login for a host under that config.json."""
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / "config.json").write_text(text)
    return DockerCredentials({"DOCKER_CONFIG": str(folder), "PATH": str(folder)}).login(host)


AUTH = base64.b64encode(b"me:p:w").decode()
HUB = "https://index.docker.io/v1/"


@pytest.mark.parametrize(
    ("content", "host", "login"),
    [
        (None, "ghcr.io", None),
        ({}, "ghcr.io", None),
        ({"auths": {}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": {}}}, "ghcr.io", None),
        ({"auths": {"ghcr.io": {"auth": AUTH}}}, "ghcr.io", Login("me", "p:w")),
        ({"auths": {"https://ghcr.io/v2/": {"auth": AUTH}}}, "ghcr.io", Login("me", "p:w")),
        ({"auths": {"ghcr.io": {"auth": AUTH}}}, "ghcr.io:5000", None),
        ({"auths": {HUB: {"auth": AUTH}}}, "docker.io", Login("me", "p:w")),
        (
            {"auths": {"h:1": {"identitytoken": "i", "auth": AUTH}}},
            "h:1",
            Login(identity_token="i"),
        ),
    ],
)
def test_logins_come_from_the_configuration(
    tmp_path: Path, content: Any, host: str, login: Login | None
) -> None:
    """By host, in every spelling that docker has used."""
    assert found(tmp_path, content, host) == login


@pytest.mark.parametrize(
    "content",
    ["{", "[", '{"auths": {"h": 3}}', '{"auths": {"h": {"auth": "%%%"}}}'],
)
def test_a_broken_configuration_is_an_error_for_people(tmp_path: Path, content: Any) -> None:
    """With the file's name."""
    with pytest.raises(CredentialsError, match=r"config\.json"):
        found(tmp_path, content, "h")


def helper(folder: Path, script: str) -> None:
    """A credential helper named ``trial``."""
    program = folder / "docker-credential-trial"
    program.write_text(f"#!/bin/sh\necho asked >> {folder}/asked\n{script}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("user", "login"), [("me", Login("me", "s")), ("<token>", Login(identity_token="s"))]
)
def test_a_helper_is_asked_once_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, login: Login | None
) -> None:
    """It is a process, and may ask the user."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    helper(tmp_path, f"""printf '{{"ServerURL":"h","Username":"{user}","Secret":"s"}}'""")
    (tmp_path / "config.json").write_text('{"credsStore": "trial"}')
    credentials = DockerCredentials({"DOCKER_CONFIG": str(tmp_path)})
    assert [credentials.login("h"), credentials.login("h")] == [login, login]
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_a_helper_that_knows_nothing_is_no_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public images need none."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    helper(tmp_path, "echo credentials not found in native keychain; exit 1")
    assert found(tmp_path, {"credHelpers": {"h": "trial"}}, "h") is None


def test_a_helper_that_fails_is_an_error_for_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the host to log in to."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    helper(tmp_path, "echo locked; exit 2")
    with pytest.raises(CredentialsError, match="docker login h"):
        found(tmp_path, {"credsStore": "trial"}, "h")


@pytest.mark.parametrize("script", ["echo no JSON", "echo '[]'", "echo '{}'", "echo 3", "exit 0"])
def test_whatever_a_helper_answers_is_no_bug_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """It is somebody else's program."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    helper(tmp_path, script)
    with pytest.raises(CredentialsError, match="docker-credential-trial, failed") as caught:
        found(tmp_path, {"credsStore": "trial"}, "h")
    assert caught.value.file == str(tmp_path / "config.json")


def test_a_helper_that_is_not_installed_is_named(tmp_path: Path) -> None:
    """With the file that wants it, and both ways out; docker's own warning is not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CredentialsError) as caught:
            found(tmp_path, {"credHelpers": {"h": "nowhere"}}, "h")
    assert str(caught.value) == (
        f"{tmp_path}/config.json: the credential helper for h, docker-credential-nowhere, is not"
        " installed\n  install docker-credential-nowhere, or take it out of credsStore and"
        " credHelpers there and run `docker login h`"
    )


def test_what_needs_no_login_goes_on_without_one(tmp_path: Path) -> None:
    """With one warning a host; a host whose login is known keeps it."""
    config = {"credHelpers": {"h": "nowhere"}, "auths": {"ghcr.io": {"auth": AUTH}}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    told: list[Event] = []
    logins = Lenient(DockerCredentials({"DOCKER_CONFIG": str(tmp_path)}), told.append)
    assert [logins.login(host) for host in ("h", "ghcr.io", "h")] == [
        None,
        Login("me", "p:w"),
        None,
    ]
    (warning,) = told
    assert isinstance(warning, Warned)
    assert "docker-credential-nowhere" in warning.message
    assert warning.message.endswith("\nh is asked without a login")


@pytest.mark.parametrize(
    ("login", "content"),
    [
        (None, {}),
        (Login("me", "pä"), {"username": "me", "password": "pä"}),
        (Login(identity_token="i"), {"identitytoken": "i"}),
    ],
)
def test_the_engine_gets_the_login_in_a_header(login: Login | None, content: Any) -> None:
    """Base64 for URLs around JSON; sent without a login, too."""
    text = engine_header(login)["X-Registry-Auth"]
    assert json.loads(base64.urlsafe_b64decode(text)) == content
