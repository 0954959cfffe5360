"""The engine is chosen as docker's own client would, and only then a private one."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.engine.engine import EngineDown
from layers.host.system import os_release, recognise
from layers.project.open import find_root
from layers.runtime.events import Event, Warned, silent
from layers.setup.addresses import addresses
from layers.setup.choose import endpoint, ensure
from layers.setup.client import client_version, version
from layers.setup.endpoint import answers
from layers.setup.private.client_config import merge, write
from layers.setup.private.packages import check_version
from layers.setup.private.paths import SOCKET_LIMIT, STORES, VERSIONS, Places

Monkey = pytest.MonkeyPatch


@pytest.fixture
def home(tmp_path: Path, monkeypatch: Monkey) -> Path:
    """A home without docker settings, and no engine anywhere else."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("layers.setup.addresses.DEFAULT_SOCKET", str(tmp_path / "none.sock"))
    return tmp_path


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[str]:
    """The path of a socket that accepts connections."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()
        yield str(path)


def make_context(home: Path, name: str, host: str, tls: bool = False) -> str:
    """Write a context as `docker context create` does; returns its TLS folder."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = home / ".docker/contexts/meta" / digest
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(
        json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}})
    )
    folder = home / ".docker/contexts/tls" / digest / "docker"
    if tls:
        folder.mkdir(parents=True)
    return str(folder)


def client(home: Path, monkeypatch: Monkey, says: str) -> str:
    """Put a `docker` on PATH whose buildx says ``says``."""
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\necho x >>{home}/asked\n{says}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return str(program)


def hosts(environ: dict[str, str]) -> list[str]:
    return [address.host for address in addresses(environ)]


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("unix:///x.sock", "unix:///x.sock"),
        ("tcp://h:2375", "tcp://h:2375"),
        ("h:2375", "tcp://h:2375"),
        ("ssh://me@h", "ssh://me@h"),
    ],
)
def test_docker_host_comes_first(home: Path, value: str, host: str) -> None:
    """DOCKER_HOST beats a context, with or without a scheme."""
    make_context(home, "far", "tcp://far:1")
    environ = {"HOME": str(home), "DOCKER_HOST": value, "DOCKER_CONTEXT": "far"}
    assert hosts(environ) == [host, f"unix://{home}/none.sock"]


def test_the_context_is_read_from_its_store(home: Path) -> None:
    """DOCKER_CONTEXT, or currentContext of the configuration, with its certificates."""
    tls = make_context(home, "far", "tcp://far:2376", tls=True)
    environ = {"HOME": str(home), "DOCKER_CONTEXT": "far"}
    first = next(addresses(environ))
    assert first.host == "tcp://far:2376"
    assert first.environment == {"DOCKER_CERT_PATH": tls, "DOCKER_TLS_VERIFY": "1"}
    (home / ".docker/config.json").write_text('{"currentContext": "far"}')
    assert hosts({"HOME": str(home)})[0] == "tcp://far:2376"
    assert hosts({"HOME": str(home), "DOCKER_CONTEXT": "default"}) == [f"unix://{home}/none.sock"]


def test_a_context_that_does_not_exist_is_an_error(home: Path) -> None:
    """The user chose it, so it is not passed over."""
    with pytest.raises(LayersError, match="'gone' does not exist"):
        hosts({"HOME": str(home), "DOCKER_CONTEXT": "gone"})


def test_an_engine_that_answers_is_used_as_it_is(
    home: Path, listening: str, monkeypatch: Monkey
) -> None:
    """Its address and the user's own configuration go to child processes unchanged."""
    cli = client(home, monkeypatch, "echo github.com/docker/buildx v0.17.1 abc")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{listening}")
    found = endpoint(str(home))
    assert (found.host, found.private, found.registry) == (f"unix://{listening}", False, None)
    assert found.cli == cli
    assert found.environment["DOCKER_CONFIG"] == str(home / ".docker")


def test_the_client_is_asked_once(home: Path, listening: str, monkeypatch: Monkey) -> None:
    """Its version is remembered until the program changes."""
    cli = client(home, monkeypatch, "echo github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{listening}")
    endpoint(str(home))
    endpoint(str(home))
    assert (home / "asked").read_text() == "x\n" * 2  # for buildx's version and its own
    os.utime(cli, ns=(1, 1))
    endpoint(str(home))
    assert (home / "asked").read_text() == "x\n" * 4


def test_a_client_that_nobody_tried_is_told_once(
    home: Path, listening: str, monkeypatch: Monkey
) -> None:
    """When it is first seen, and not at every run."""
    client(
        home,
        monkeypatch,
        'case "$1" in buildx) echo github.com/docker/buildx v9.8.7 abc ;;'
        " *) echo 'Docker version 24.0.7, build afdd53b' ;; esac",
    )
    monkeypatch.setenv("DOCKER_HOST", f"unix://{listening}")
    told: list[Event] = []
    for _ in range(2):
        endpoint(str(home), told.append)
    assert [event.message for event in told if isinstance(event, Warned)] == [
        "the docker client 24.0.7 is older than what doit-layers was tried with (26.1 to 28.5)",
        "docker buildx 9.8.7 is newer than what doit-layers was tried with (0.13 to 0.29)",
    ]


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ("echo github.com/docker/buildx v0.12.1 abc", r"is 0\.12\.1; at least 0\.13"),
        ("echo buildah 1.43.2", "is Podman's, which has no buildx"),
        (
            "[ $1 = --version ] && exec echo podman version 4.3.1; exit 125",
            "is Podman's, which has no buildx",
        ),
        ("echo \"docker: 'buildx' is not a docker command.\" >&2; exit 1", "buildx` is missing"),
    ],
)
def test_a_buildx_that_will_not_do_is_an_error(
    home: Path, listening: str, monkeypatch: Monkey, says: str, message: str
) -> None:
    """Too old or absent: said with what to install, each time."""
    client(home, monkeypatch, says)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{listening}")
    for _ in range(2):
        with pytest.raises(LayersError, match=message) as caught:
            endpoint(str(home))
        assert "install" in caught.value.hint


def test_an_engine_without_client_is_an_error(
    home: Path, listening: str, monkeypatch: Monkey
) -> None:
    """The engine answers, but nothing here can build with it."""
    monkeypatch.setenv("PATH", str(home))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{listening}")
    with pytest.raises(LayersError, match="no `docker` program"):
        endpoint(str(home))


def test_silence_everywhere_is_engine_down(home: Path) -> None:
    """The error names the addresses that were tried."""
    with pytest.raises(EngineDown, match=r"none\.sock"):
        endpoint(str(home))


def test_a_file_left_of_a_socket_does_not_answer(home: Path, listening: str) -> None:
    """A killed engine leaves its socket's file behind."""
    assert answers(f"unix://{listening}")
    (home / "left.sock").touch()
    assert not answers(f"unix://{home}/left.sock")
    assert not answers("tcp://127.0.0.1:1")
    assert not answers("tcp://127.0.0.1:no-port")
    assert not answers("npipe:////./pipe/docker_engine")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"root": "/elsewhere", "port": 1}', "\0"])
def test_damaged_or_foreign_state_means_not_running(home: Path, text: str) -> None:
    """A running.json that was cut short or copied from another checkout is not believed."""
    places = Places.of(str(home))
    os.makedirs(places.engine)
    with open(places.running, "w", encoding="utf-8") as file:
        file.write(text)
    with pytest.raises(EngineDown):
        endpoint(str(home))


def test_names_fit_their_limits(tmp_path: Path) -> None:
    """Socket, bridge and chain keep to what the kernel takes, however deep the checkout."""
    deep = Places.of(str(tmp_path / ("ü" * 60)))
    near = Places.of("/w")
    assert near.socket == "/w/.layers/engine/docker.sock"
    assert deep.socket.startswith("/run/")
    assert len(os.fsencode(deep.socket)) <= SOCKET_LIMIT
    for odd in ("a b", "a\nb", "50%", "a?b", "#1", 'a"b'):  # an address is read as a URL
        assert Places.of(f"/{odd}").socket.startswith("/run/")
    assert len(deep.bridge) <= 15
    assert len(deep.chain) <= 28
    assert deep.bridge != near.bridge


def test_each_kind_of_engine_has_its_own_folders(tmp_path: Path) -> None:
    """Versions share no packages, kinds no data; what there was before is the first kind's."""
    first = Places.of(str(tmp_path))
    kinds = [first._replace(version=v, store=s) for v in VERSIONS for s in STORES]
    assert len({each.data for each in kinds}) == len(kinds) == len(set(first.all_data))
    assert len({each.packages for each in kinds}) == len(VERSIONS)
    assert (first.data, first.packages) == (f"{first.engine}/data", f"{first.engine}/packages")
    assert [first.having(each.kind) for each in kinds] == kinds


@pytest.mark.parametrize(
    "state", [{}, {"version": 28, "store": None}, {"version": "1", "store": []}]
)
def test_a_damaged_choice_is_no_choice(tmp_path: Path, state: dict[str, object]) -> None:
    """What no kind of engine is called counts as nothing said."""
    assert Places.of(str(tmp_path)).having(state) == Places.of(str(tmp_path))


def test_a_kind_is_for_an_engine_of_ours_only(
    home: Path, listening: str, monkeypatch: Monkey
) -> None:
    """Beside somebody else's engine, --version and --store are an error that says so."""
    client(home, monkeypatch, "echo github.com/docker/buildx v0.17.1 abc")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{listening}")
    with pytest.raises(LayersError, match="about this checkout's own"):
        ensure(str(home), silent, {"version": "28"})


@pytest.mark.parametrize(
    ("version", "deb", "fine"),
    [
        ("28", "docker.io_28.5.2+dfsg4-5_amd64.deb", True),
        ("28", "docker.io_29.1.0-1_amd64.deb", False),
        ("28", "docker.io_2.8.0-1_amd64.deb", False),
        ("26", "docker.io_24.0.7-0ubuntu4_amd64.deb", True),
    ],
)
def test_the_version_asked_for_is_the_one_that_comes(version: str, deb: str, fine: bool) -> None:
    """A release that has moved on is refused; the default is whatever a release has."""
    debs = ["/apt/containerd_1.7.24_amd64.deb", f"/apt/{deb}"]
    if fine:
        check_version(debs, version)
    else:
        with pytest.raises(LayersError, match=r"its Docker is 2.* and not 28"):
            check_version(debs, version)


def test_the_root_is_where_images_toml_is(tmp_path: Path) -> None:
    """From any folder below it; without one, the folder that was asked."""
    (tmp_path / "a/b").mkdir(parents=True)
    assert find_root(str(tmp_path / "a/b")) == str(tmp_path / "a/b")
    (tmp_path / "images.toml").touch()
    assert find_root(str(tmp_path / "a/b")) == str(tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github.com/docker/buildx v0.13.1 788433953af10f2a698f5c07611dddce2e08c7a0", "0.13.1"),
        ("github.com/docker/buildx 0.13.1+ds1 0.13.1+ds1-3", "0.13.1+ds1"),
        ("github.com/docker/buildx v1.2.0-desktop.1 abc", "1.2.0-desktop.1"),
        ("buildah 1.43.2", ""),
        ("", ""),
    ],
)
def test_buildx_versions_are_read(text: str, expected: str) -> None:
    """As Docker, Debian and Docker Desktop print them; Podman's program has none."""
    assert version(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Docker version 26.1.5+dfsg1, build a72d7cd", "26.1.5+dfsg1"),
        ("Docker version 28.5.2, build ecc6942", "28.5.2"),
        ("podman version 5.8.6", ""),
    ],
)
def test_client_versions_are_read(text: str, expected: str) -> None:
    """As Debian and Docker print them."""
    assert client_version(text) == expected


def test_logins_are_not_lost(tmp_path: Path) -> None:
    """The user's logins join those made in the private configuration, and win."""
    users = {"auths": {"a": 1, "b": 2}, "currentContext": "far", "credsStore": "pass"}
    ours = {"auths": {"b": 0, "c": 3}}
    assert merge(users, ours) == {"auths": {"a": 1, "b": 2, "c": 3}, "credsStore": "pass"}
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text('{"auths": {"r.example": {"auth": "eA=="}}}')
    places = Places.of(str(tmp_path / "checkout"))
    environ = {"HOME": str(tmp_path), "DOCKER_CONFIG": places.config}  # as after `engine env`
    for _ in range(2):
        write(places, ["/p/docker-buildx"], environ)
    assert os.readlink(f"{places.config}/cli-plugins/docker-buildx") == "/p/docker-buildx"
    with open(f"{places.config}/config.json", encoding="utf-8") as file:
        assert json.load(file) == {"auths": {"r.example": {"auth": "eA=="}}}
    assert stat.S_IMODE(os.stat(f"{places.config}/config.json").st_mode) == 0o600


@pytest.mark.parametrize(
    ("text", "uid", "message"),
    [
        ('ID=fedora\nPRETTY_NAME="Fedora 41"', 0, "Fedora 41"),
        ("ID=debian\nVERSION_ID=11", 0, "too old"),
        ("ID=ubuntu\nVERSION_ID='20.04'", 0, "too old"),
        ("ID=debian\nVERSION_ID=12", 1000, "only root"),
        ("", 0, "this system"),
    ],
)
def test_where_no_private_engine_can_be_the_error_says_what_to_install(
    text: str, uid: int, message: str
) -> None:
    """Each with its reason and the way out."""
    with pytest.raises(LayersError, match=message) as caught:
        recognise(os_release(text), uid)
    assert "Docker Engine" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "kind", "codename"),
    [
        ('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm', "debian", "bookworm"),
        ("# remark\nID=debian\nVERSION_CODENAME=forky", "debian", "forky"),
        ('ID=ubuntu\nVERSION_ID="22.04"\nUBUNTU_CODENAME=jammy', "ubuntu", "jammy"),
    ],
)
def test_systems_are_recognised(text: str, kind: str, codename: str) -> None:
    """Debian 12 and up, its testing release without a number, Ubuntu 22.04 and up."""
    found = recognise(os_release(text), 0)
    assert (found.id, found.codename) == (kind, codename)
