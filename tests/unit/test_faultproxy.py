"""The proxy carries requests unchanged, and breaks exactly those that it was told to break."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.e2e.faultproxy import Proxy, proxying
from tests.e2e.faults import (
    Action,
    Answer,
    Corrupt,
    Delay,
    Header,
    Hold,
    Reset,
    ResetUpload,
    Rule,
    Truncate,
)
from tests.httpscript import Asked, Said, Server, serving

BODY = bytes(range(256)) * 1000


def script(asked: Asked) -> Said:
    """Gives a body, says where it was asked for, and echoes what it was sent."""
    body = asked.body if asked.method == "POST" else BODY
    return Said(200, body, {"X-Host": asked.headers["Host"], "X-Path": asked.path})


@pytest.fixture
def registry() -> Iterator[Server]:
    """Something that answers behind the proxy."""
    with serving(script) as found:
        yield found


@pytest.fixture
def proxy(registry: Server) -> Iterator[Proxy]:
    """A proxy before it, with no rule."""
    with proxying(registry.host) as found:
        yield found


def ask(
    proxy: Proxy, method: str = "GET", path: str = "/v2/a/blobs/1?x=1", body: bytes | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one request on a connection of its own."""
    with closing(http.client.HTTPConnection(proxy.host, timeout=10)) as client:
        client.request(method, path, body)
        answer = client.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def test_a_request_comes_through_unchanged(proxy: Proxy) -> None:
    """Path, query, body; and the Host is the proxy's, so that Locations lead back to it."""
    status, headers, body = ask(proxy)
    assert (status, body) == (200, BODY)
    assert headers["X-Host"] == proxy.host
    assert headers["X-Path"] == "/v2/a/blobs/1?x=1"
    assert proxy.asked == ["GET /v2/a/blobs/1?x=1"]


def test_a_body_goes_up_unchanged(proxy: Proxy) -> None:
    """With its length."""
    assert ask(proxy, "POST", body=BODY)[2] == BODY


def test_a_connection_carries_several_requests(proxy: Proxy) -> None:
    """Kept alive, as registries' clients expect it."""
    with closing(http.client.HTTPConnection(proxy.host, timeout=10)) as client:
        for _ in range(3):
            client.request("GET", "/v2/")
            assert client.getresponse().read() == BODY
        assert client.sock is not None


def changed(body: bytes) -> list[int]:
    """Offsets at which a body is not what the registry gave."""
    return [at for at, (one, other) in enumerate(zip(BODY, body, strict=True)) if one != other]


def test_an_answer_of_its_own(proxy: Proxy, registry: Server) -> None:
    """The registry never hears of the request."""
    proxy.breaks("GET", "blobs", Answer(429, {"Retry-After": "1"}, b"slow down"))
    status, headers, body = ask(proxy)
    assert (status, headers["Retry-After"], body) == (429, "1", b"slow down")
    assert registry.asked == []


def test_a_corrupted_byte(proxy: Proxy) -> None:
    """One, at its place, also beyond the first piece that is read."""
    proxy.breaks("GET", "blobs", Corrupt(100_001))
    assert changed(ask(proxy)[2]) == [100_001]


def test_a_truncated_answer_looks_whole(proxy: Proxy) -> None:
    """Its Content-Length is that of what comes."""
    proxy.breaks("GET", "blobs", Truncate(70_000))
    _, headers, body = ask(proxy)
    assert (headers["Content-Length"], body) == ("70000", BODY[:70_000])


@pytest.mark.parametrize("action", [Reset(70_000), ResetUpload(10)])
def test_a_reset_is_no_end(proxy: Proxy, action: Action) -> None:
    """The client gets an error, not a short answer."""
    proxy.breaks("GET|POST", "blobs", action)
    method, body = ("GET", None) if isinstance(action, Reset) else ("POST", BODY)
    with pytest.raises((ConnectionError, http.client.IncompleteRead)):
        ask(proxy, method, body=body)


def test_another_header(proxy: Proxy) -> None:
    """In place of the registry's own, whatever its case."""
    proxy.breaks("GET", "blobs", Header("x-path", "elsewhere"))
    found = {name.lower(): value for name, value in ask(proxy)[1].items()}
    assert found["x-path"] == "elsewhere"


def test_a_delay(proxy: Proxy) -> None:
    """Then the answer, whole."""
    proxy.breaks("GET", "blobs", Delay(0.2))
    begin = time.monotonic()
    assert ask(proxy)[2] == BODY
    assert time.monotonic() - begin >= 0.2


def test_a_request_that_is_held(proxy: Proxy, registry: Server) -> None:
    """The test learns that it came, and decides when it goes on."""
    hold = Hold()
    proxy.breaks("GET", "blobs", hold)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(ask(proxy)[2]))
    thread.start()
    assert hold.reached.wait(5)
    assert registry.asked == []
    proxy.heal()
    thread.join()
    assert got == [BODY]


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        (Rule("GET", "blobs", Delay(0)), [1, 2, 3, 4]),
        (Rule("GET|HEAD", "/a/blobs/1$", Delay(0), first=2), [2, 3, 4]),
        (Rule("GET", "blobs", Delay(0), times=1), [1]),
        (Rule("GET", "blobs", Delay(0), first=3, times=1), [3]),
        (Rule("PUT", "blobs", Delay(0)), []),
        (Rule("GET", "manifests", Delay(0)), []),
    ],
)
def test_a_rule_takes_what_it_says_and_counts(rule: Rule, broken: list[int]) -> None:
    """Method, path, from which on, how often."""
    found = [number for number in range(1, 5) if rule.takes("GET", "/v2/a/blobs/1")]
    assert (found, rule.hits) == (broken, len(broken))


def test_the_first_rule_that_takes_a_request_has_it(proxy: Proxy) -> None:
    """And after it is spent the next one."""
    first = proxy.breaks("GET", "blobs", Answer(500), times=1)
    second = proxy.breaks("GET", "blobs", Answer(503))
    assert [ask(proxy)[0] for _ in range(3)] == [500, 503, 503]
    assert (first.hits, second.hits) == (1, 2)
    proxy.heal()
    assert ask(proxy)[0] == 200
