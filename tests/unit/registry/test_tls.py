"""Certificates are taken from where Docker takes them."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

import pytest

from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from layers.registry.registry import RegistryError
from layers.registry.tls import Certificates, certificates, context
from tests.httpscript import Server, serving
from tests.registryscript import Store
from tests.unit.registry.test_uploads import QUICK


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``ca.crt`` and ``ca.key``: a certificate for this machine, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.crt"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def server_side(pair: Path, asks: bool = False) -> ssl.SSLContext:
    """TLS with the pair; ``asks`` wants the client to show a certificate, too."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pair / "ca.crt", pair / "ca.key")
    if asks:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(pair / "ca.crt")
    return made


def tags(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """What a client that takes certificates from below ``root`` is told, by https."""
    monkeypatch.setattr("layers.registry.session.is_loopback", lambda host: False)
    registry = HttpRegistry(NoCredentials(), lambda host: False, QUICK, certs=str(root))
    found = registry.manifest(f"{server.host}/a", "t")
    return () if found is None else (found.digest.text,)


def folder(root: Path, server: Server) -> Path:
    """Where Docker has the certificates of a server."""
    made = root / server.host
    made.mkdir(parents=True)
    return made


def test_a_registry_s_own_authority_is_trusted(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its folder alone; without it, TLS fails with a word about the folder."""
    store = Store()
    digest = store.image(b"x")
    store.manifests["t"] = store.manifests[digest]
    with serving(store, server_side(pair)) as server:
        with pytest.raises(RegistryError, match=r"TLS failed[^$]*certs\.d"):
            tags(server, tmp_path, monkeypatch)
        (folder(tmp_path, server) / "ca.crt").write_bytes((pair / "ca.crt").read_bytes())
        assert tags(server, tmp_path, monkeypatch) == (digest,)


def test_another_host_s_authority_is_not(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each host, with its port, has its own."""
    (tmp_path / "127.0.0.1").mkdir()
    (tmp_path / "127.0.0.1" / "ca.crt").write_bytes((pair / "ca.crt").read_bytes())
    with (
        serving(Store(), server_side(pair)) as server,
        pytest.raises(RegistryError, match="TLS failed"),
    ):
        tags(server, tmp_path, monkeypatch)


def test_a_client_s_certificate_is_shown(
    pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a registry that knows us by it."""
    store = Store()
    digest = store.image(b"x")
    store.manifests["t"] = store.manifests[digest]
    with serving(store, server_side(pair, asks=True)) as server:
        place = folder(tmp_path, server)
        (place / "ca.crt").write_bytes((pair / "ca.crt").read_bytes())
        with pytest.raises(RegistryError):
            tags(server, tmp_path, monkeypatch)
        (place / "client.cert").write_bytes((pair / "ca.crt").read_bytes())
        (place / "client.key").write_bytes((pair / "ca.key").read_bytes())
        assert tags(server, tmp_path, monkeypatch) == (digest,)


def test_files_are_told_apart_by_their_ends(tmp_path: Path) -> None:
    """Every .crt is an authority; others are nobody's."""
    place = tmp_path / "h:5000"
    place.mkdir()
    for name in ("b.crt", "a.crt", "me.cert", "me.key", "notes.txt"):
        (place / name).touch()
    assert certificates("h:5000", str(tmp_path)) == Certificates(
        (f"{place}/a.crt", f"{place}/b.crt"), ((f"{place}/me.cert", f"{place}/me.key"),)
    )
    assert certificates("h", str(tmp_path)) == Certificates()
    assert certificates("h", str(tmp_path / "none")) == Certificates()
    assert context(Certificates()) is None


@pytest.mark.parametrize(("name", "lacks"), [("me.cert", "me.key"), ("me.key", "me.cert")])
def test_half_a_client_certificate_is_an_error(tmp_path: Path, name: str, lacks: str) -> None:
    """As in Docker; it names the file that lacks."""
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / name).touch()
    with pytest.raises(RegistryError, match=f"{name} has no {lacks}"):
        certificates("h", str(tmp_path))


def test_a_certificate_that_is_none_is_an_error(tmp_path: Path) -> None:
    """It names the file."""
    path = tmp_path / "ca.crt"
    path.write_text("not PEM")
    with pytest.raises(RegistryError, match=str(path)):
        context(Certificates((str(path),)))
