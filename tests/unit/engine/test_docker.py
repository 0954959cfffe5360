"""What our engine client makes of every answer that an engine can give."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.engine.client import Client
from layers.engine.docker import DockerEngine
from layers.engine.engine import About, EngineDown, EngineError
from layers.oci.credentials import Credentials, Login, NoCredentials
from layers.oci.digest import Digest
from layers.registry.registry import Registry
from layers.runtime.retry import Backoff
from tests.contracts import silent

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def answer(body: Any, status: int = 200, extra: str = "") -> bytes:
    """An HTTP answer with a JSON body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(raw)}\r\n{extra}\r\n".encode() + raw


def chunked(*chunks: bytes) -> bytes:
    """An HTTP answer in chunks."""
    parts = [f"{len(chunk):x};x=y\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(parts) + b"0\r\n\r\n"


@contextmanager
def answering(
    tmp_path: Path, say: Callable[[str], bytes | None]
) -> Iterator[tuple[str, list[str]]]:
    """A real socket's address; its other side says ``say(request)``, None hangs up."""
    path = str(tmp_path / "engine.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    asked: list[str] = []

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as file:
            while head := file.readline():
                headers = list(iter(file.readline, b"\r\n"))
                if b"transfer-encoding: chunked" in b"".join(headers).lower():
                    while file.read(int(file.readline(), 16) + 2) != b"\r\n":
                        pass
                asked.append(head.decode().rsplit(" ", 1)[0])
                said = say(asked[-1])
                if said is None:
                    return
                connection.sendall(said)
                if b"Connection: close" in said or b"HTTP/1.0" in said:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"unix://{path}", asked
    finally:
        listener.close()


@contextmanager
def engine(
    tmp_path: Path,
    say: Callable[[str], bytes | None],
    credentials: Credentials | None = None,
    registry: Registry | None = None,
) -> Iterator[tuple[DockerEngine, list[str]]]:
    """The engine at such an address, and what it was asked."""
    logins, quick = credentials or NoCredentials(), Backoff(attempts=2, first=0.001)
    ask = None if registry is None else lambda: registry
    with answering(tmp_path, say) as (host, asked):
        yield DockerEngine(Client(host, {}), logins, quick, ask), asked


def _same(said: bytes, asked: str) -> bytes:
    return said


CONTAINERD = {"Id": A, "RepoDigests": [f"h:1/r@{A}", f"h:1/s@{A}"], "RepoTags": ["h:1/r:t"]}
CLASSIC = {"Id": B, "RepoDigests": [f"h:1/other@{'sha256:' + 'c' * 64}", f"h:1/r@{A}"]}


@pytest.mark.parametrize(
    ("inspected", "name", "digest"),
    [
        (CONTAINERD, "h:1/r:t", A),
        (CONTAINERD, "h:1/else:t", A),
        (CLASSIC, "h:1/r:t", A),
        (CLASSIC, f"h:1/r@{A}", A),
        ({"Id": B, "RepoDigests": [f"h:1/x@{A}"], "RepoTags": None}, "h:1/r:t", A),
        ({"Id": B, "RepoDigests": [], "RepoTags": ["h:1/r:t"]}, "h:1/r:t", B),
        ({"Id": B}, "h:1/r:t", B),
        ({"Id": B, "RepoDigests": [f"node@{A}"]}, "docker.io/library/node:1", A),
    ],
)
def test_the_digest_is_the_manifest_s(
    tmp_path: Path, inspected: dict[str, Any], name: str, digest: str
) -> None:
    """The containerd store's id is one; the classic store's is the config's."""
    with engine(tmp_path, lambda asked: answer(inspected)) as (client, _):
        assert client.find([name])[name].digest == Digest(digest)


def test_an_image_without_anything_is_still_one(tmp_path: Path) -> None:
    """Null where Go has an empty slice or map."""
    bare = {"Id": A, "RepoTags": None, "Config": None, "RootFS": {"Type": "layers"}, "Size": None}
    with engine(tmp_path, lambda asked: answer(bare)) as (client, _):
        image = client.find(["x"])["x"]
    assert (image.names, image.labels, image.size, image.diff_ids) == ((), {}, 0, ())


def test_names_are_tags_alone(tmp_path: Path) -> None:
    """Docker 28 lists names by digest among the tags."""
    told = {"Id": A, "RepoTags": ["h:1/r:t", f"h:1/r@{A}", "<none>:<none>"]}
    with engine(tmp_path, lambda asked: answer(told)) as (client, _):
        assert client.find(["h:1/r:t"])["h:1/r:t"].names == ("h:1/r:t",)


@pytest.mark.parametrize(
    ("info", "server", "expected"),
    [
        (
            {
                "ServerVersion": "28.5.2",
                "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
                "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless"],
                "OperatingSystem": "Debian GNU/Linux 12",
            },
            "Docker/28.5.2 (linux)",
            About("Docker", "28.5.2", True, True, "Debian GNU/Linux 12"),
        ),
        (
            {"ServerVersion": "20.10.24", "DriverStatus": [["Backing Filesystem", "extfs"]]},
            "Docker/20.10.24 (linux)",
            About("Docker", "20.10.24", False),
        ),
        (
            {"ServerVersion": "5.8.6", "DriverStatus": None, "SecurityOptions": None},
            "Libpod/5.8.6 (linux)",
            About("Podman", "5.8.6", False),
        ),
    ],
)
def test_an_engine_says_what_it_is(
    tmp_path: Path, info: dict[str, Any], server: str, expected: About
) -> None:
    """Store, version and whose it is, from one answer, asked once."""
    with engine(tmp_path, lambda asked: answer(info, extra=f"Server: {server}\r\n")) as (
        client,
        asked,
    ):
        assert client.about() == client.about() == expected
    assert asked == ["GET /info"]


def test_names_are_asked_in_full(tmp_path: Path) -> None:
    """A short name could be taken for the beginning of an id."""
    with engine(tmp_path, lambda asked: answer({"message": "no"}, 404)) as (client, asked):
        assert client.find(["deadbeef"]) == {}
    assert asked == ["GET /images/docker.io/library/deadbeef:latest/json"]


@pytest.mark.parametrize("extra", ["Connection: close\r\n", ""])
def test_a_server_that_closes_after_each_answer_is_fine(tmp_path: Path, extra: str) -> None:
    """Whether it announces that or not."""
    said = []

    def say(asked: str) -> bytes | None:
        # Without the header: every second request is met by a closed connection.
        said.append(asked)
        return None if not extra and len(said) == 2 else answer({"Id": A}, extra=extra)

    with engine(tmp_path, say) as (client, _):
        for _ in range(4):
            assert client.find(["x"])["x"].digest == Digest(A)


def test_answers_may_come_in_chunks_and_to_the_end(tmp_path: Path) -> None:
    """Both forms that Go's server uses, and HTTP/1.0's."""
    body = json.dumps({"Id": A}).encode()
    said: bytes
    for said in (
        chunked(body[:3], body[3:]),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer({"Id": A}),
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
    ):
        (tmp_path / "engine.sock").unlink(missing_ok=True)
        with engine(tmp_path, partial(_same, said)) as (client, _):
            assert client.find(["x"])["x"].digest == Digest(A)
            assert client.find(["x"])["x"].digest == Digest(A)


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"SSH-2.0-OpenSSH\r\n",
        b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["hangs-up", "ssh", "blank", "negative", "cut", "bad-chunk"],
)
def test_what_is_no_answer_is_engine_down(tmp_path: Path, said: Any) -> None:
    """Never a traceback, and never "not there"."""
    with engine(tmp_path, lambda asked: said) as (client, _):
        with pytest.raises(EngineDown):
            client.find(["x"])
        with pytest.raises(EngineDown):
            client.tag("x", "y:z")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer({"message": "boom"}, 500), "boom"),
        (answer(b"404 page not found", 404), "not JSON"),
        (answer({"errors": []}, 404), "errors"),
        (answer(b"[]", 200), "not JSON"),
        (answer({"Id": "what"}, 200), "what"),
    ],
    ids=["trouble", "web-server", "registry", "list", "bad-id"],
)
def test_an_odd_answer_is_an_error(tmp_path: Path, said: Any, words: str) -> None:
    """Only an engine's own 404 means that an image is not there."""
    with (
        engine(tmp_path, lambda asked: said) as (client, _),
        pytest.raises(EngineError, match=words),
    ):
        client.find(["x"])


def lines(*objects: dict[str, Any]) -> bytes:
    """A stream as engines send it, cut at odd places."""
    raw = b"".join(json.dumps(one).encode() + b"\r\n" for one in objects)
    return chunked(*(raw[start : start + 50] for start in range(0, len(raw), 50)))


def layer(status: str, name: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    """A line about one filesystem layer."""
    return {"status": status, "id": name, "progressDetail": {"current": current, "total": total}}


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


@pytest.mark.parametrize("host", ["", "docker", "unix://", "ftp://x", "tcp://x:port", "npipe://x"])
def test_a_bad_address_is_an_error_for_people(host: str) -> None:
    """Before anything is asked."""
    with pytest.raises(EngineError, match="engine address"):
        Client(host, {})


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


def test_a_forked_child_has_connections_of_its_own(tmp_path: Path) -> None:
    """Or two processes would read each other's answers."""

    def say(asked: str) -> bytes:
        return answer({"Id": A if "/parent:" in asked else B})

    with engine(tmp_path, say) as (client, _):
        client.find(["parent"])
        (kept,) = client._wire._kept
        child = os.fork()
        if child == 0:
            found = client.find(["child"])["child"].digest
            os._exit(0 if found == Digest(B) and kept not in client._wire._kept else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.find(["parent"])["parent"].digest == Digest(A)
        assert client._wire._kept == [kept]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every socket")
def test_a_forbidden_socket_says_whom_to_join(tmp_path: Path) -> None:
    """The commonest trouble on a new machine."""
    with engine(tmp_path, lambda asked: answer({})) as (client, _):
        (tmp_path / "engine.sock").chmod(0)
        with pytest.raises(EngineDown, match="group docker"):
            client.find(["x"])
