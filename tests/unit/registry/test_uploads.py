"""Uploads end with the whole blob there, or with an error; and no login goes elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.oci.credentials import Login
from layers.registry.client import HttpRegistry
from layers.registry.registry import RegistryError, RegistryRefused, RegistryRejected
from layers.runtime.retry import Backoff
from tests.httpscript import Asked, Said, serving
from tests.ocidocs import OCI_MANIFEST, digest_of
from tests.registryscript import Store, refused

BLOB = b"some bytes"
DIGEST = digest_of(BLOB).text
QUICK = Backoff(attempts=4, first=0.001)
BASIC = "Basic " + base64.b64encode(b"me:secret").decode()


class Logins:
    """Credentials in memory."""

    def __init__(self, logins: Mapping[str, Login]) -> None:
        self.logins = logins

    def failure(self, host: str) -> LayersError | None:
        """See `layers.oci.credentials.Credentials.failure`."""
        return None

    def login(self, host: str) -> Login | None:
        """See `layers.oci.credentials.Credentials.login`."""
        return self.logins.get(host)


def client(**logins: Login) -> HttpRegistry:
    """A client that does not wait long."""
    return HttpRegistry(Logins(logins), lambda host: False, QUICK)


def methods(asked: list[Asked]) -> str:
    """What was asked, in order."""
    return " ".join(one.method for one in asked)


def test_a_blob_is_asked_for_then_sent_in_one_piece() -> None:
    """The session's own query stays in front of the digest."""
    store = Store()
    with serving(store) as server:
        assert client().put_blob(f"{server.host}/a", BLOB).text == DIGEST
    # A 404 to HEAD is believed once a GET has shown that this is a registry.
    assert methods(server.asked) == "HEAD GET POST PUT"
    put = server.asked[-1]
    assert put.path == f"/v2/a/blobs/uploads/u1?_state=x%3D&digest=sha256%3A{DIGEST[7:]}"
    assert put.headers["Content-Type"] == "application/octet-stream"
    assert store.blobs[DIGEST] == BLOB


def test_a_blob_that_is_there_is_not_sent() -> None:
    """One HEAD is all."""
    store = Store()
    store.keep(BLOB)
    with serving(store) as server:
        client().put_blob(f"{server.host}/a", BLOB)
    assert methods(server.asked) == "HEAD"


@pytest.mark.parametrize(
    "location",
    ["/elsewhere/u", "u7", "http://HOST/v2/a/blobs/uploads/u?x", "//HOST/v2/a/blobs/uploads/u"],
    ids=["absolute-path", "relative", "absolute", "without-scheme"],
)
def test_a_location_may_be_relative(location: str) -> None:
    """To what was asked (RFC 9110, 10.2.2)."""
    store = Store()

    def script(asked: Asked) -> Said:
        if asked.method == "PUT":
            return Store()(
                Asked("PUT", asked.path.replace("/elsewhere/", "/blobs/uploads/"), {}, BLOB)
            )
        return store(asked)

    with serving(script) as server:
        store.location = location.replace("HOST", server.host)
        client().put_blob(f"{server.host}/a", BLOB)
    wanted = {"/elsewhere/u": "/elsewhere/u", "u7": "/v2/a/blobs/uploads/u7"}
    assert server.asked[-1].path.startswith(wanted.get(location, "/v2/a/blobs/uploads/u?"))


@pytest.mark.parametrize(
    "fault",
    [
        Said(500),
        Said(503, headers={"Retry-After": "0"}),
        Said(429),
        Said(0),
        Said(416),
        refused(404, "BLOB_UPLOAD_UNKNOWN"),
        refused(400, "BLOB_UPLOAD_INVALID"),
    ],
    ids=["500", "503", "429", "reset", "416", "unknown", "invalid"],
)
def test_a_broken_upload_begins_again(fault: Said) -> None:
    """With a session of its own: nobody knows what the old one holds."""
    store = Store(faults={"PUT": [fault, fault]})
    with serving(store) as server:
        client().put_blob(f"{server.host}/a", BLOB)
    assert methods(server.asked) == "HEAD GET POST PUT HEAD POST PUT HEAD POST PUT"
    assert store.blobs[DIGEST] == BLOB


@pytest.mark.parametrize("fault", [Said(502), Said(0)], ids=["502", "reset"])
def test_an_answer_that_was_lost_does_not_send_twice(fault: Said) -> None:
    """The blob is there by then."""
    store = Store(faults={"PUT": [fault]}, stored=True)
    with serving(store) as server:
        client().put_blob(f"{server.host}/a", BLOB)
    assert methods(server.asked) == "HEAD GET POST PUT HEAD"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_trouble_that_stays_is_an_error(method: str) -> None:
    """After as many tries as the back-off has."""
    store = Store(faults={method: [Said(503)] * 9})
    with serving(store) as server, pytest.raises(RegistryError, match=f"{method} .*503"):
        client().put_blob(f"{server.host}/a", BLOB)
    assert methods(server.asked).count(method) == QUICK.attempts


def test_a_long_retry_after_is_not_waited_for() -> None:
    """One try is all."""
    store = Store(faults={"PUT": [Said(429, headers={"Retry-After": "3600"})] * 9})
    with serving(store) as server, pytest.raises(RegistryError, match="429"):
        client().put_blob(f"{server.host}/a", BLOB)
    assert methods(server.asked).count("PUT") == 1


def test_a_wrong_digest_is_an_error_at_once() -> None:
    """Sending the same again would not help."""
    store = Store(faults={"PUT": [refused(400, "DIGEST_INVALID")]})
    with serving(store) as server, pytest.raises(RegistryError, match="DIGEST_INVALID"):
        client().put_blob(f"{server.host}/a", BLOB)
    assert methods(server.asked).count("PUT") == 1


@pytest.mark.parametrize("location", ["", "ftp://x/y"])
def test_a_session_without_a_place_is_an_error(location: str) -> None:
    """It says what lacks."""
    with (
        serving(Store(location=location)) as server,
        pytest.raises(RegistryError, match="without a Location"),
    ):
        client().put_blob(f"{server.host}/a", BLOB)


def test_no_login_goes_to_an_upload_elsewhere() -> None:
    """A Location on another host brings its own rights in its query."""
    other, store = Store(), Store(login=BASIC)
    with serving(other) as storage, serving(store) as server:
        store.location = f"http://{storage.host}/v2/a/blobs/uploads/u?signature=1"
        client(**{server.host: Login("me", "secret")}).put_blob(f"{server.host}/a", BLOB)
    assert other.blobs[DIGEST] == BLOB
    assert methods(storage.asked) == "PUT"
    assert "Authorization" not in storage.asked[0].headers
    assert server.asked[-1].headers["Authorization"] == BASIC


def test_no_login_follows_a_redirected_upload() -> None:
    """The whole body does."""
    other, store = Store(), Store(login=BASIC)
    with serving(other) as storage, serving(store) as server:
        onward = f"http://{storage.host}/v2/a/blobs/uploads/u?digest={DIGEST}"
        store.faults["PUT"] = [Said(307, headers={"Location": onward})]
        client(**{server.host: Login("me", "secret")}).put_blob(f"{server.host}/a", BLOB)
    assert storage.asked[0].body == BLOB
    assert "Authorization" not in storage.asked[0].headers


def test_no_login_follows_a_redirected_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does one from ~/.netrc come with it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    other, store = Store(), Store(login=BASIC)
    other.keep(BLOB)
    with serving(other) as storage, serving(store) as server:
        onward = f"http://{storage.host}/v2/a/blobs/{DIGEST}"
        store.faults["GET"] = [Said(307, headers={"Location": onward})]
        registry = client(**{server.host: Login("me", "secret")})
        assert registry.blob(f"{server.host}/a", digest_of(BLOB)) == BLOB
    assert server.asked[-1].headers["Authorization"] == BASIC
    assert "Authorization" not in storage.asked[0].headers


def test_a_redirected_session_is_relative_to_its_own_host() -> None:
    """https://github.com/containerd/containerd/issues/11949 went to the first one."""
    other, store = Store(location="u9"), Store()
    with serving(other) as storage, serving(store) as server:
        onward = f"http://{storage.host}/v2/a/blobs/uploads/"
        store.faults["POST"] = [Said(307, headers={"Location": onward})]
        client().put_blob(f"{server.host}/a", BLOB)
    assert storage.asked[-1].path.startswith("/v2/a/blobs/uploads/u9?digest=")
    assert other.blobs[DIGEST] == BLOB


def test_redirects_in_a_circle_end() -> None:
    """After a few."""
    store = Store()
    with serving(store) as server:
        round_about = Said(307, headers={"Location": "/v2/a/blobs/uploads/u?digest=x"})
        store.faults["PUT"] = [round_about] * 20
        with pytest.raises(RegistryError, match="redirected"):
            client().put_blob(f"{server.host}/a", BLOB)


def test_a_manifest_is_put_without_the_registry_s_digest() -> None:
    """The header is only recommended: the bytes have a digest."""
    store = Store(digest_header=False)
    with serving(store) as server:
        put = client().put_manifest(f"{server.host}/a", "t", b"{}", OCI_MANIFEST)
    assert put == digest_of(b"{}")
    assert store.manifests["t"] == (b"{}", OCI_MANIFEST)


def test_a_manifest_that_was_changed_on_the_way_is_an_error() -> None:
    """What the registry holds is not what we sent."""
    said = Said(201, headers={"Docker-Content-Digest": DIGEST})
    with (
        serving(lambda asked: said) as server,
        pytest.raises(RegistryError, match=f"not {DIGEST}"),
    ):
        client().put_manifest(f"{server.host}/a", "t", b"{}", OCI_MANIFEST)


@pytest.mark.parametrize(
    "answer",
    [
        Said(401),
        refused(403, "DENIED"),
        refused(405, "UNSUPPORTED"),
        refused(409, "TAG_EXISTS"),
        refused(412, "PRECONDITION"),
        refused(400, "TAG_INVALID", "The image tag 't' already exists and is immutable"),
    ],
    ids=["401", "403", "405", "409", "harbor", "ecr"],
)
def test_what_a_registry_does_not_allow_is_told_apart(answer: Said) -> None:
    """From what is wrong or broken."""
    with serving(lambda asked: answer) as server, pytest.raises(RegistryRefused):
        client().put_manifest(f"{server.host}/a", "t", b"{}", OCI_MANIFEST)


@pytest.mark.parametrize(
    ("answer", "rejected"),
    [
        (refused(400, "MANIFEST_INVALID"), True),
        (refused(400, "UNSUPPORTED", "artifact type"), True),
        (refused(422, "UNKNOWN"), True),
        (Said(415), True),
        (Said(501), True),
        (Said(400, b"<html>"), False),
        (refused(400, "MANIFEST_BLOB_UNKNOWN"), False),
        (refused(404, "NAME_UNKNOWN"), False),
        (Said(429), False),
        (Said(500), False),
    ],
    ids=lambda said: f"{said.status} {said.body.decode()}" if isinstance(said, Said) else "",
)
def test_what_a_registry_will_never_take_is_told_apart(answer: Said, rejected: bool) -> None:
    """It says so itself; a proxy's page, or trouble, says nothing of the kind."""
    with serving(lambda asked: answer) as server, pytest.raises(RegistryError) as caught:
        client().put_manifest(f"{server.host}/a", "t", b"{}", OCI_MANIFEST)
    assert isinstance(caught.value, RegistryRejected) == rejected


def test_a_manifest_s_trouble_passes() -> None:
    """To put the same twice is to put it once."""
    store = Store(faults={"PUT": [Said(503), Said(0)]})
    with serving(store) as server:
        client().put_manifest(f"{server.host}/a", "t", b"{}", OCI_MANIFEST)
    assert store.manifests["t"][0] == b"{}"


def test_a_blob_too_large_for_memory_is_not_put() -> None:
    """Nothing is asked."""
    with pytest.raises(RegistryError, match="16777217 bytes"):
        client().put_blob("127.0.0.1:1/a", bytes((16 << 20) + 1))
