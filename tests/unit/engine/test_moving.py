"""Pulls and pushes by our engine client: progress, digests, logins, and every way to fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.engine.docker import DockerEngine
from layers.engine.engine import EngineDown, EngineError
from layers.oci.credentials import Login
from layers.oci.digest import Digest
from tests.contracts import silent
from tests.unit.engine.answers import A, B, answer, engine, layer, lines


def test_progress_is_summed_over_layers(tmp_path: Path) -> None:
    """Layers that are already there count nothing; done layers count whole."""
    stream = lines(
        {"status": "The push refers to repository [h:1/r]"},
        layer("Waiting", "a"),
        layer("Pushing", "a", 10, 100),
        layer("Layer already exists", "c"),
        layer("Pushing", "b", 5, 50),
        layer("Pushing", "a", 110, 100),
        {"status": "Pushed", "id": "a"},
        {"status": "Pushed", "id": "b"},
        {"status": f"t: digest: {A} size: 12"},
    )
    told = []
    with engine(tmp_path, lambda asked: stream) as (client, _):
        pushed = client.push("h:1/r:t", lambda *sums: told.append(sums))
    assert pushed == Digest(A)
    assert told == [(10, 100), (10, 100), (15, 150), (115, 160), (160, 160)]


def test_a_classic_engine_says_the_digest_aside(tmp_path: Path) -> None:
    """In ``aux``, with the same words."""
    stream = lines({"aux": {"Tag": "t", "Digest": A, "Size": 5}}, {"progressDetail": {}})
    with engine(tmp_path, lambda asked: stream) as (client, _):
        assert client.push("h:1/r:t", silent) == Digest(A)


def test_a_push_without_a_digest_is_an_error(tmp_path: Path) -> None:
    """Half a push must not be recorded."""
    with (
        engine(tmp_path, lambda asked: lines({"status": "Pushed", "id": "a"})) as (client, _),
        pytest.raises(EngineError, match="which digest"),
    ):
        client.push("h:1/r:t", silent)


def test_a_push_that_breaks_off_is_engine_down(tmp_path: Path) -> None:
    """The engine went away in the middle; asked once only, since a push is not idempotent."""
    cut = lines(layer("Pushing", "a", 1, 2))[:-20] + b"Connection: close"
    with engine(tmp_path, lambda asked: cut) as (client, asked), pytest.raises(EngineDown):
        client.push("h:1/r:t", silent)
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("write /var/x: no space left on device", "disk is full"),
        ("unauthorized: authentication required", "docker login h:1"),
        ("denied: requested access to the resource is denied", "docker login h:1"),
        ("toomanyrequests: You have reached your pull rate limit", "docker login h:1"),
        ("missing content: content digest sha256:1: not found", "in part only"),
        ("x509: certificate signed by unknown authority", "insecure-registries"),
        ("dial tcp 10.0.0.1:5000: connect: connection refused", "reachable"),
        ("tag does not exist: h:1/r:t", "check the name"),
        ("something new", "log"),
    ],
)
@pytest.mark.parametrize("where", ["stream", "status"])
def test_errors_say_what_to_do(tmp_path: Path, text: str, advice: str, where: str) -> None:
    """Whether they come in the stream or instead of it."""
    said = {
        "stream": lines({"errorDetail": {"message": text}, "error": text}),
        "status": answer({"message": text}, 500),
    }[where]
    with (
        engine(tmp_path, lambda asked: said) as (client, _),
        pytest.raises(EngineError, match=advice) as caught,
    ):
        client.push("h:1/r:t", silent)
    assert text in str(caught.value)


@pytest.mark.parametrize(("last", "times"), [("Retrying in 1 second", 1), ("Pushed", 2)])
def test_what_an_engine_tried_again_itself_is_final(tmp_path: Path, last: str, times: int) -> None:
    """Five tries of a layer by the classic store take 50 seconds; other trouble is tried again."""
    stream = lines(
        layer("Retrying in 5 seconds", "a"), layer(last, "a"), {"error": "read: connection reset"}
    )
    with (
        engine(tmp_path, lambda asked: stream) as (client, asked),
        pytest.raises(EngineError, match="the connection to the registry h:1 broke"),
    ):
        client.push("h:1/r:t", silent)
    assert len(asked) == times


def test_a_pull_that_gives_something_else_is_refused(tmp_path: Path) -> None:
    """A mirror may lie; the digest is checked again here."""

    def say(asked: str) -> bytes | None:
        return answer({"Id": B}) if asked.startswith("GET") else lines({"status": "Status: ok"})

    with (
        engine(tmp_path, say) as (client, asked),
        pytest.raises(EngineError, match="do not use"),
    ):
        client.pull(f"h:1/r@{A}", silent)
    assert asked[0] == f"POST /images/create?fromImage=h:1/r&tag={A}"


def test_a_callback_s_own_error_comes_through(tmp_path: Path) -> None:
    """It is not the engine that is down when our terminal is gone."""

    def broken(done: int, total: int) -> None:
        raise BrokenPipeError("terminal")

    with (
        engine(tmp_path, lambda asked: lines(layer("Pushing", "a", 1, 2))) as (client, _),
        pytest.raises(BrokenPipeError, match="terminal"),
    ):
        client.push("h:1/r:t", broken)


def test_a_login_goes_with_the_request_only(tmp_path: Path) -> None:
    """It is looked up by the registry's host and shows nowhere else."""
    hosts = []

    class Logins:
        def login(self, host: str) -> Login | None:
            hosts.append(host)
            return Login("me", "hunter2")

        def failure(self, _host: str) -> LayersError | None:
            return None

    stream = lines({"errorDetail": {"message": "denied"}})
    with (
        engine(tmp_path, lambda asked: stream, Logins()) as (client, _),
        pytest.raises(EngineError) as caught,
    ):
        client.push("h:1/r:t", silent)
    assert hosts == ["h:1"]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.tag("a:b", f"c@{A}"),
        lambda client: client.push(f"c@{A}", silent),
        lambda client: client.pull("a:b", silent),
    ],
    ids=["tag", "push", "pull"],
)
def test_the_wrong_kind_of_name_is_refused(
    tmp_path: Path, call: Callable[[DockerEngine], object]
) -> None:
    """Tags are given and pushed, digests are pulled."""
    with (
        engine(tmp_path, lambda asked: answer({})) as (client, asked),
        pytest.raises(EngineError, match="expected"),
    ):
        call(client)
    assert asked == []
