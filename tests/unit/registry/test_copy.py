"""A copy arrives whole and verified, or there is an error and no manifest."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from layers.oci.credentials import Login
from layers.oci.digest import Digest
from layers.oci.reference import Reference
from layers.registry.blobs import Blobs
from layers.registry.client import HttpRegistry
from layers.registry.copy import parts
from layers.registry.registry import RegistryError
from layers.registry.session import Wire
from tests.contracts import silent
from tests.httpscript import Asked, Said, Server, serving
from tests.ocidocs import digest_of
from tests.registryscript import Store, refused
from tests.unit.registry.test_uploads import BASIC, QUICK, Logins, client

LARGE = bytes(range(256)) * 3000
"""Three parts of a stream."""
GET = f"GET {digest_of(LARGE)}"


def copied(
    source: Store, target: Store, check: Callable[[Server, Server], None] = lambda one, two: None
) -> Digest:
    """Copy an image of one large layer from store to store."""
    digest = Digest(source.image(LARGE))
    with serving(source) as one, serving(target) as two:
        client().copy(f"{one.host}/a", digest, f"{two.host}/b", silent)
        check(one, two)
    return digest


def test_a_download_that_breaks_off_goes_on_where_it_was() -> None:
    """Not a byte is asked for twice."""
    source, target = Store(), Store()
    source.faults[GET] = [Said(200, LARGE, cut=300_000)]
    ranges: list[str] = []

    def check(one: Server, two: Server) -> None:
        ranges.extend(asked.headers["Range"] for asked in one.asked if "Range" in asked.headers)

    digest = copied(source, target, check)
    assert digest.text in target.manifests
    assert target.blobs[digest_of(LARGE).text] == LARGE
    assert len(ranges) == 1
    assert 0 < int(ranges[0][6:-1]) <= 300_000


@pytest.mark.parametrize("answer", ["whole", "416"])
def test_a_registry_without_ranges_sends_all_again(answer: str) -> None:
    """What came already is passed over."""
    source, target = Store(ranges=False), Store()
    source.faults[GET] = [Said(200, LARGE, cut=300_000)]
    if answer == "416":
        source.faults[GET].append(Said(416))
    copied(source, target)
    assert target.blobs[digest_of(LARGE).text] == LARGE


def test_a_download_that_never_ends_well_is_an_error() -> None:
    """And the target has no manifest of it."""
    source, target = Store(), Store()
    source.faults[GET] = [Said(0)] * 40
    with pytest.raises(RegistryError):
        copied(source, target)
    assert target.manifests == {}


@pytest.mark.parametrize(
    "bad",
    [LARGE[:-1] + b"?", LARGE + b"?", LARGE[:-1]],
    ids=["other", "longer", "shorter"],
)
def test_what_was_changed_on_the_way_never_arrives(bad: bytes) -> None:
    """The last part is held back until digest and size are right."""
    source, target = Store(), Store()
    digest = Digest(source.image(LARGE))
    source.blobs[digest_of(LARGE).text] = bad
    with (
        serving(source) as one,
        serving(target) as two,
        pytest.raises(RegistryError, match=digest_of(LARGE).text),
    ):
        client().copy(f"{one.host}/a", digest, f"{two.host}/b", silent)
    assert digest_of(LARGE).text not in target.blobs
    assert target.manifests == {}


def test_an_upload_that_breaks_off_is_sent_whole_again() -> None:
    """From the source's first byte; progress does not go back."""
    source, target = Store(), Store(faults={"PUT": [Said(503), Said(0), Said(503)]})
    digest = Digest(source.image(LARGE))
    told: list[int] = []
    with serving(source) as one, serving(target) as two:
        client().copy(f"{one.host}/a", digest, f"{two.host}/b", lambda done, _: told.append(done))
    assert target.blobs[digest_of(LARGE).text] == LARGE
    assert told == sorted(told)
    assert told[-1] == len(LARGE) + 2


def test_each_host_sees_its_own_login_alone() -> None:
    """Whatever the other one wants."""
    other = "Basic eW91OndvcmQ="
    source, target = Store(login=BASIC), Store(login=other)
    digest = Digest(source.image(LARGE))
    with serving(source) as one, serving(target) as two:
        logins = {one.host: Login("me", "secret"), two.host: Login("you", "word")}
        HttpRegistry(Logins(logins), lambda host: False, QUICK).copy(
            f"{one.host}/a", digest, f"{two.host}/b", silent
        )
        sent = [{asked.headers.get("Authorization") for asked in host.asked} for host in (one, two)]
    assert sent == [{None, BASIC}, {None, other}]
    assert digest.text in target.manifests


def test_a_copy_within_a_registry_is_mounted() -> None:
    """From the source's repository, by digest; no layer moves."""
    source, target = Store(), Store(mounts=True)
    digest = Digest(source.image(LARGE))

    def script(asked: Asked) -> Said:
        return (target if asked.path.startswith("/v2/b/") else source)(asked)

    with serving(script) as server:
        client().copy(f"{server.host}/x/a", digest, f"{server.host}/b", silent)
    mounts = [parse_qs(urlsplit(one.path).query) for one in server.asked if one.method == "POST"]
    assert sorted(mounts, key=str) == sorted(
        [{"mount": [blob.text], "from": ["x/a"]} for blob in map(digest_of, (LARGE, b"{}"))],
        key=str,
    )
    assert [one.path for one in server.asked if one.method == "PUT"] == [
        f"/v2/b/manifests/{digest}"
    ]
    assert not [one for one in server.asked if one.path.startswith("/v2/x/a/blobs/")]


@pytest.mark.parametrize(
    "answers",
    [[], [refused(403, "DENIED")], [Said(405)], [Said(401)]],
    ids=["session", "403", "405", "401"],
)
def test_a_mount_that_is_not_done_becomes_an_upload(answers: list[Said]) -> None:
    """In the session that the registry offers, or one of its own."""
    source = Store(faults={"POST": [*answers]})
    blobs = Blobs(Wire(Logins({}), lambda host: False, QUICK))
    digest = digest_of(LARGE)
    with serving(source) as server:
        one, two = (Reference.parse(f"{server.host}/{path}") for path in "ab")
        assert blobs.put(two, digest, lambda: LARGE, one) is False
    assert source.blobs[digest.text] == LARGE
    posts = [asked.path for asked in server.asked if asked.method == "POST"]
    assert len(posts) == 1 + len(answers)
    assert posts[0] == f"/v2/b/blobs/uploads/?mount=sha256%3A{digest.text[7:]}&from=a"


def test_a_mount_that_breaks_is_not_tried_twice() -> None:
    """A registry whose mounts are broken still takes uploads."""
    store = Store()

    def script(asked: Asked) -> Said:
        return Said(500) if "mount=" in asked.path else store(asked)

    blobs = Blobs(Wire(Logins({}), lambda host: False, QUICK))
    with serving(script) as server:
        one, two = (Reference.parse(f"{server.host}/{path}") for path in "ab")
        assert blobs.put(two, digest_of(LARGE), lambda: LARGE, one) is False
    assert store.blobs[digest_of(LARGE).text] == LARGE


def test_layers_that_live_elsewhere_are_left_there() -> None:
    """As Docker leaves those of Windows bases; what is named twice is one part."""
    config, layer = ({"digest": digest_of(one).text, "size": 1} for one in (b"c", b"l"))
    foreign = {"digest": digest_of(b"f").text, "size": 1, "urls": ["https://elsewhere.example"]}
    found = parts({"config": config, "layers": [layer, foreign, layer]}, "an image")
    assert [part.digest for part in found] == [digest_of(b"c"), digest_of(b"l")]


def test_a_mount_asks_to_read_the_source() -> None:
    """Beside pull and push of the target, even if the registry does not say so."""
    scopes: list[Any] = []

    def script(asked: Asked) -> Said:
        url = urlsplit(asked.path)
        if url.path == "/token":
            scopes.append(parse_qs(url.query)["scope"])
            return Said(200, json.dumps({"token": "t"}).encode())
        if "Authorization" not in asked.headers:
            realm = f'Bearer realm="http://{asked.headers["Host"]}/token",service="s"'
            scope = "repository:b:pull,push"
            return Said(401, headers={"WWW-Authenticate": f'{realm},scope="{scope}"'})
        return Said(201)

    blobs = Blobs(Wire(Logins({}), lambda host: False, QUICK))
    with serving(script) as server:
        one, two = (Reference.parse(f"{server.host}/{path}") for path in "ab")
        assert blobs.put(two, digest_of(LARGE), lambda: LARGE, one) is True
    assert scopes == [["repository:b:pull,push", "repository:a:pull"]]


def test_a_blob_is_read_part_by_part() -> None:
    """Nobody holds more than two parts of it."""
    store = Store()
    digest = Digest(store.keep(LARGE))
    blobs = Blobs(Wire(Logins({}), lambda host: False, QUICK))
    with serving(store) as server:
        name = Reference.parse(f"{server.host}/a")
        read = list(blobs.read(name, digest, len(LARGE), threading.Event()))
    assert b"".join(read) == LARGE
    assert max(map(len, read)) <= 256 << 10


def test_a_copy_that_was_stopped_reads_no_more() -> None:
    """When another blob of it failed, or on Ctrl-C."""
    store, stop = Store(), threading.Event()
    digest = Digest(store.keep(LARGE))
    blobs = Blobs(Wire(Logins({}), lambda host: False, QUICK))
    with serving(store) as server:
        read = blobs.read(Reference.parse(f"{server.host}/a"), digest, len(LARGE), stop)
        next(read)
        stop.set()
        with pytest.raises(RegistryError, match="stopped"):
            next(read)


def test_a_manifest_that_is_none_is_an_error() -> None:
    """It names the image."""
    store = Store()
    raw = json.dumps({"layers": [{"digest": "sha256:1"}]}).encode()
    digest = digest_of(raw)
    store.manifests[digest.text] = raw, "application/vnd.oci.image.manifest.v1+json"
    with serving(store) as server, pytest.raises(RegistryError, match=f"a@{digest} is not"):
        client().copy(f"{server.host}/a", digest, f"{server.host}/b", silent)
