"""Logins are found where `docker login` leaves them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from layers.oci.credentials import CredentialsError, DockerCredentials, Login, engine_header


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
