"""What our engine client makes of every answer that an engine can give about images."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from layers.engine.client import Client
from layers.engine.engine import About, EngineDown, EngineError
from layers.oci.digest import Digest
from tests.unit.engine.answers import A, B, answer, chunked, engine


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


@pytest.mark.parametrize("host", ["", "docker", "unix://", "ftp://x", "tcp://x:port", "npipe://x"])
def test_a_bad_address_is_an_error_for_people(host: str) -> None:
    """Before anything is asked."""
    with pytest.raises(EngineError, match="engine address"):
        Client(host, {})


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
