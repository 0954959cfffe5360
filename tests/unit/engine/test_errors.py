"""An engine's words become an error that says what to do, and whether to try again."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.engine.engine import EngineError
from layers.engine.errors import (
    MissingContent,
    Passing,
    UnknownReference,
    fault,
    is_own,
    of_build,
)
from layers.oci.digest import Digest
from tests.contracts import silent
from tests.unit.engine.answers import answer, engine, lines

A = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "kind", "advice"),
    [
        ("failed to extract layer: write /x: no space left on device: unknown", None, "disk"),
        ("missing content: content digest sha256:1: not found", MissingContent, "in part"),
        ("unexpected status code https://r/v2/x: 401 Unauthorized", None, "docker login r"),
        ("unexpected status code https://r/v2/x: 403 Forbidden", None, "docker login r"),
        ("unexpected status code https://r/x: 429 Too Many Requests", Passing, "limits pulls"),
        ("unexpected status code https://r/x: 500 Internal Server Error", Passing, "in trouble"),
        ("unexpected status from PUT request to https://r/x: 503 Service U", Passing, "in trouble"),
        ("failed to copy: read tcp 1.2.3.4:5: read: connection reset by peer", Passing, "broke"),
        (
            "failed to do request: Get https://r/x: net/http: TLS handshake timeout",
            Passing,
            "broke",
        ),
        ("dial tcp 1.2.3.4:5: i/o timeout", Passing, "broke"),
        (
            "unexpected status from HEAD request to http://r/v2/x/blobs/sha256:1: 405 Method Not "
            "Allowed",
            None,
            "asks r by HEAD",
        ),
        (
            'failed to do request: Head "https://r/v2/x": tls: first record does not look like a '
            "TLS handshake",
            None,
            "a proxy there has",
        ),
        ("failed to do request: Head https://r/x: EOF", Passing, "broke"),
        ("failed to read expected number of bytes: unexpected EOF", Passing, "thrown away"),
        ("short read: expected 9 bytes but got 3: unexpected EOF", Passing, "thrown away"),
        ("filesystem layer verification failed for digest sha256:1", Passing, "thrown away"),
        ("unexpected commit digest sha256:1, expected sha256:2", Passing, "thrown away"),
        (
            "could not fetch content descriptor sha256:1 from remote: not found",
            UnknownReference,
            "",
        ),
        (
            "failed to check image sha256:1: rpc error: code = NotFound desc = content digest "
            "sha256:1: not found",
            Passing,
            "try again",
        ),
        (
            "failed to extract layer sha256:1: NotFound: failed to get reader from content store: "
            "content digest sha256:2: not found",
            Passing,
            "try again",
        ),
        ("manifest unknown: manifest unknown", UnknownReference, "check the name"),
        ("failed to resolve reference r/x: not found", UnknownReference, "check the name"),
        ("dial tcp: lookup registry.invalid: no such host", None, "up and reachable"),
        ("failed to extract layer sha256:1: input/output error: unknown", None, "unpack"),
        ("exec: unzstd: executable file not found in $PATH", None, "unpack"),
        ("something went wrong: unknown", None, "the engine's own log"),
        ("", None, "the engine's own log"),
    ],
)
def test_what_an_engine_says_is_sorted(
    text: str, kind: type[EngineError] | None, advice: str
) -> None:
    """What is only "unknown" is no proof that an image is gone: that would have it built again."""
    found = fault("pull", "r/x", text, "r")
    assert type(found) is (kind or EngineError)
    assert advice in found.hint
    assert "{" not in found.hint


def test_a_signed_link_is_not_shown() -> None:
    """Registries send clients to links whose query is a secret for a while."""
    text = 'failed: Get "https://s3.invalid/b/sha256:1?X-Amz-Signature=cafe&x=1": EOF, tried once'
    found = fault("pull", "r/x", text, "r").message
    assert "cafe" not in found
    assert 'https://s3.invalid/b/sha256:1": EOF, tried once' in found


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("write /var/lib/x: no space left on device", "disk is full"),
        ("dd: error writing '/big': No space left on device", "disk is full"),
        ("unsupported diff media type: application/x: not implemented", "perhaps"),
        ("ERROR: failed to solve: Unavailable: error reading from server: EOF", "went away"),
        ("ERROR: Cannot connect to the Docker daemon at unix:///x. Is it", "run again"),
        ("process did not complete successfully: exit code: 7", ""),
        ("", ""),
    ],
)
def test_a_build_that_the_engine_gave_up_says_so(text: str, advice: str) -> None:
    """A step that failed by itself gets no advice: its own lines say more."""
    assert advice in of_build(text)
    assert bool(of_build(text)) == bool(advice)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "ERROR: failed to build: failed to solve: failed to prepare extraction snapshot "
            '"extract-1-a sha256:1": parent snapshot sha256:2 does not exist: not found',
            True,
        ),
        (
            'failed to prepare extraction snapshot "extract-1-a sha256:1": parent snapshot '
            "sha256:2 does not exist: not found",
            True,
        ),
        (
            "ERROR: failed to solve: failed to prepare a1 as b2: parent snapshot sha256:2 does not "
            "exist: not found",
            True,
        ),
        ("ERROR: failed to solve: Unavailable: error reading from server: EOF", True),
        ("ERROR: failed to solve: Unavailable: closing transport due to: connection error", True),
        (
            "ERROR: failed to solve: Canceled: rpc error: code = Canceled desc = grpc: the client "
            "connection is closing",
            True,
        ),
        (
            'ERROR: failed to solve: process "/bin/sh -c echo failed to prepare extraction '
            'snapshot \\"; exit 1" did not complete successfully: exit code: 1',
            False,
        ),
        (
            "ERROR: failed to solve: failed to compute cache key: failed to calculate checksum of "
            'ref a::b: "/x: parent snapshot y does not exist: not found": not found',
            False,
        ),
        (
            'ERROR: failed to solve: failed to process "${A:?Unavailable: x}": A: Unavailable: x',
            False,
        ),
        (
            "ERROR: failed to solve: r/x: failed to resolve source metadata: not found",
            False,
        ),
        ("ERROR: failed to solve: dockerfile parse error on line 1: unknown instruction: X", False),
        ("", False),
    ],
)
def test_the_engine_s_own_fault_is_told_from_a_refusal(text: str, own: bool) -> None:
    """A Dockerfile that quotes the words of such a fault is refused like any other."""
    assert is_own(text) is own


def trouble(text: str) -> bytes:
    return lines({"errorDetail": {"message": text}, "error": text})


def test_trouble_that_passes_is_tried_again(tmp_path: Path) -> None:
    """A push that was cut off once is there in the end; what had arrived is not sent again."""
    said = [trouble("read: connection reset by peer"), lines({"aux": {"Digest": A}})]
    with engine(tmp_path, lambda asked: said.pop(0)) as (client, asked):
        assert client.push("h:1/r:t", silent) == Digest(A)
    assert len(asked) == 2


def test_trouble_that_stays_is_told(tmp_path: Path) -> None:
    """After some tries, in the engine's words."""
    with (
        engine(tmp_path, lambda asked: trouble("500 Internal Server Error")) as (client, asked),
        pytest.raises(Passing, match="in trouble"),
    ):
        client.push("h:1/r:t", silent)
    assert len(asked) > 1


def test_a_refusal_is_not_tried_again(tmp_path: Path) -> None:
    """Nor is anything else that another try would not change."""
    said = answer({"message": "denied"}, 500)
    with (
        engine(tmp_path, lambda asked: said) as (client, asked),
        pytest.raises(EngineError, match="docker login"),
    ):
        client.push("h:1/r:t", silent)
    assert len(asked) == 1
