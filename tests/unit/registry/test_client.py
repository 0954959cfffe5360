"""What our client makes of every answer that a registry can give."""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Any

import pytest

from layers.oci.artifact import MANIFEST_TYPES
from layers.oci.credentials import Credentials, NoCredentials
from layers.oci.digest import Digest
from layers.oci.reference import is_loopback
from layers.registry.client import HttpRegistry
from layers.registry.registry import Manifest, RegistryDown, RegistryError
from layers.runtime.retry import Backoff
from tests.httpscript import Asked, Said, Script, serving
from tests.ocidocs import OCI_MANIFEST, digest_of

BODY = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST}).encode()
DIGEST = digest_of(BODY)
FINE = Said(200, BODY, {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": DIGEST.text})
QUICK = Backoff(attempts=3, first=0.001)


def unknown(code: str) -> Said:
    """A 404 in the registry's own words."""
    return Said(404, json.dumps({"errors": [{"code": code, "message": "gone"}]}).encode())


def client(credentials: Credentials | None = None, backoff: Backoff = QUICK) -> HttpRegistry:
    """A client that does not wait long."""
    return HttpRegistry(credentials or NoCredentials(), lambda host: False, backoff)


def in_turn(*answers: Said) -> Script:
    """A script that says each answer once, and the last one for ever."""
    left = list(answers)

    def script(asked: Asked) -> Said:
        return left.pop(0) if len(left) > 1 else left[0]

    return script


def test_every_manifest_type_is_accepted() -> None:
    """Or an old registry converts, and answers another digest."""
    with serving(in_turn(FINE)) as server:
        client().heads([(f"{server.host}/a", "t")])
        client().manifest(f"{server.host}/a", "t")
    for asked in server.asked:
        assert asked.headers["Accept"].split(", ") == list(MANIFEST_TYPES)


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"])
def test_a_registry_s_404_is_not_there(code: str) -> None:
    """By HEAD and by GET."""
    with serving(in_turn(unknown(code))) as server:
        assert client().heads([(f"{server.host}/a", "t")]) == {}
        assert client().manifest(f"{server.host}/a", "t") is None


@pytest.mark.parametrize(
    "answer",
    [Said(404, b"<html>nginx</html>"), Said(404, b""), unknown("PAGE"), Said(404, b'{"errors":1}')],
    ids=["html", "empty", "other-code", "bad-json"],
)
def test_somebody_else_s_404_is_an_error(answer: Said) -> None:
    """A proxy's or web server's 404 must not lead to a build."""
    with serving(in_turn(answer)) as server:
        with pytest.raises(RegistryError, match="404"):
            client().heads([(f"{server.host}/a", "t")])
        with pytest.raises(RegistryError, match="404"):
            client().manifest(f"{server.host}/a", "t")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_docker_login(status: int) -> None:
    """With the host that the user must log in to, and the registry's words."""
    words = json.dumps({"errors": [{"code": "DENIED", "message": "no pull"}]}).encode()
    with serving(in_turn(Said(status, words))) as server:
        with pytest.raises(RegistryError, match=f"docker login {server.host}"):
            client().heads([(f"{server.host}/a", "t")])
        with pytest.raises(RegistryError, match=f"{status} .DENIED: no pull"):
            client().manifest(f"{server.host}/a", "t")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_that_passes_is_not_seen(status: int) -> None:
    """Two bad answers, then a good one."""
    with serving(in_turn(Said(status), Said(status), FINE)) as server:
        assert client().heads([(f"{server.host}/a", "t")]) == {(f"{server.host}/a", "t"): DIGEST}
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_trouble_that_stays_is_an_error(status: int) -> None:
    """And never "not there"."""
    with (
        serving(in_turn(Said(status))) as server,
        pytest.raises(RegistryError, match=str(status)),
    ):
        client().heads([(f"{server.host}/a", "t")])
    assert len(server.asked) == QUICK.attempts


def test_a_long_retry_after_is_not_waited_for() -> None:
    """An hour is beyond anybody's patience."""
    with (
        serving(in_turn(Said(429, headers={"Retry-After": "3600"}))) as server,
        pytest.raises(RegistryError, match="429"),
    ):
        client().manifest(f"{server.host}/a", "t")
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 405, 418])
def test_other_answers_are_errors_at_once(status: int) -> None:
    """Nothing to wait for."""
    with (
        serving(in_turn(Said(status))) as server,
        pytest.raises(RegistryError, match=str(status)),
    ):
        client().manifest(f"{server.host}/a", "t")
    assert len(server.asked) == 1


def test_an_answer_that_breaks_off_is_asked_again() -> None:
    """Half a manifest is none."""
    with serving(in_turn(Said(200, BODY, FINE.headers, cut=5), FINE)) as server:
        manifest = client().manifest(f"{server.host}/a", "t")
    assert manifest is not None
    assert manifest.digest == DIGEST


def test_one_that_hangs_up_is_down() -> None:
    """After a few tries."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def hang_up() -> None:
        while not stop.is_set():
            listener.accept()[0].close()

    thread = threading.Thread(target=hang_up, daemon=True)
    thread.start()
    port = listener.getsockname()[1]
    with pytest.raises(RegistryDown, match=f"127.0.0.1:{port}"):
        client().heads([(f"127.0.0.1:{port}/a", "t")])
    stop.set()
    socket.create_connection(("127.0.0.1", port)).close()
    thread.join()
    listener.close()


def test_a_refused_connection_is_down_without_waiting() -> None:
    """Even for a patient client; its back-off would take minutes."""
    with pytest.raises(RegistryDown):
        client(backoff=Backoff(attempts=9, first=60)).heads([("127.0.0.1:1/a", "t")])


def test_a_head_without_digest_is_asked_by_get() -> None:
    """The header is only recommended; the body always has a digest."""
    plain = Said(200, BODY, {"Content-Type": OCI_MANIFEST})
    with serving(in_turn(plain)) as server:
        assert client().heads([(f"{server.host}/a", "t")]) == {(f"{server.host}/a", "t"): DIGEST}


@pytest.mark.parametrize("reference", ["t", DIGEST.text])
def test_a_manifest_that_is_not_its_digest_is_refused(reference: str) -> None:
    """Whoever changed it."""
    with (
        serving(in_turn(Said(200, BODY + b" ", FINE.headers))) as server,
        pytest.raises(RegistryError, match="digest"),
    ):
        client().manifest(f"{server.host}/a", reference)


def test_another_manifest_than_asked_for_is_refused() -> None:
    """A digest is a promise, with or without a header that agrees."""
    with (
        serving(in_turn(FINE)) as server,
        pytest.raises(RegistryError, match="not sha256:1111"),
    ):
        client().manifest(f"{server.host}/a", "sha256:" + "1" * 64)


def test_a_blob_that_is_not_its_digest_is_refused() -> None:
    """Nothing unverified gets in."""
    with (
        serving(in_turn(Said(200, b"other"))) as server,
        pytest.raises(RegistryError, match="has digest"),
    ):
        client().blob(f"{server.host}/a", digest_of(b"this"))


def test_an_old_manifest_is_refused() -> None:
    """Schema 1 has another digest than what was pushed."""
    old = {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}
    with (
        serving(in_turn(Said(200, b"{}", old))) as server,
        pytest.raises(RegistryError, match="prettyjws"),
    ):
        client().manifest(f"{server.host}/a", "t")


def test_a_proxy_is_not_asked_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Docker does it."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving(in_turn(FINE)) as server:
        assert client().manifest(f"{server.host}/a", "t") is not None


def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A config of gigabytes is an attack or a mistake."""
    monkeypatch.setattr("layers.registry.transport.MOST_BYTES", 1000)
    with (
        serving(in_turn(Said(200, b"x" * 5000))) as server,
        pytest.raises(RegistryError, match="more than"),
    ):
        client().blob(f"{server.host}/a", Digest("sha256:" + "1" * 64))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:5000", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("localhost:1", True),
        ("[::1]:5000", True),
        ("127.0.0.1.example.com", False),
        ("localhost.example.com:80", False),
        ("10.0.0.1:5000", False),
        ("ghcr.io", False),
    ],
)
def test_loopback_hosts(host: str, expected: Any) -> None:
    """Names that only look like this machine are not."""
    assert is_loopback(host) is expected


def test_what_was_being_handled_is_no_cause_of_a_silent_registry() -> None:
    """Python chains every error to the one around it; only the connection's own words are told."""
    try:
        os.stat("/nowhere/elsewhere")
    except FileNotFoundError:
        with pytest.raises(RegistryDown) as caught:
            client(backoff=QUICK).heads([("127.0.0.1:1/a", "t")])
    assert "Connection refused" in caught.value.message
    assert "elsewhere" not in str(caught.value)


def no_heads(status: int) -> Script:
    """A registry of one image that answers no HEAD; ``large`` is a blob whose ranges it ignores."""

    def script(asked: Asked) -> Said:
        if asked.method == "HEAD":
            return Said(status)
        last = asked.path.rpartition("/")[2]
        if last == "t":
            return FINE
        return Said(200, bytes(32 << 20)) if last == LARGE.text else unknown("MANIFEST_UNKNOWN")

    return script


LARGE = Digest("sha256:" + "1" * 64)


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_that_answers_no_head_is_asked_by_get_from_then_on(status: int) -> None:
    """Remembered for its host; the digest is that of what came."""
    with serving(no_heads(status)) as server:
        found, name = client(), f"{server.host}/a"
        assert found.heads([(name, "t")]) == {(name, "t"): DIGEST}
        assert found.heads([(name, "t"), (f"{server.host}/b", "x")]) == {(name, "t"): DIGEST}
    assert [one.method for one in server.asked] == ["HEAD", "GET", "GET", "GET"]


@pytest.mark.parametrize("status", [400, 403])
def test_a_head_that_is_refused_is_asked_again_by_get(status: int) -> None:
    """A link signed for GET alone says so; what a GET says counts."""
    with serving(no_heads(status)) as server:
        found, name = client(), f"{server.host}/a"
        assert found.heads([(name, "t"), (name, "x")]) == {(name, "t"): DIGEST}


def test_a_host_that_lets_nobody_in_says_so_by_get() -> None:
    """An answer to HEAD has no words."""
    words = json.dumps({"errors": [{"code": "DENIED", "message": "not yours"}]}).encode()
    with (
        serving(lambda asked: Said(403, words)) as server,
        pytest.raises(RegistryError, match="403 \\(DENIED: not yours\\)"),
    ):
        client().heads([(f"{server.host}/a", "t")])


@pytest.mark.parametrize("status", [403, 405])
def test_blobs_are_asked_for_by_get_without_their_bytes(status: int) -> None:
    """Whether they are there shows in how the answer begins."""
    layers = [{"digest": one, "size": 1} for one in (LARGE.text, "sha256:" + "2" * 64)]
    manifest = Manifest(DIGEST, OCI_MANIFEST, {"layers": layers}, 1)
    with serving(no_heads(status)) as server:
        assert client().missing(f"{server.host}/a", manifest) == (Digest("sha256:" + "2" * 64),)
