"""What of the caller's environment a build gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes.dockerfile.parser import parse
from layers.build.environment import listed, proxy_args


def test_only_what_is_listed_goes_along() -> None:
    """Where the engine and its logins are; nothing that an image could take up."""
    caller = {"PATH": "/bin", "DOCKER_HOST": "unix:///x", "AWS_PROFILE": "p", "LC_ALL": "C"}
    more = {"SOURCE_DATE_EPOCH": "1", "BUILDX_BUILDER": "b", "DOCKER_DEFAULT_PLATFORM": "linux/x"}
    more |= {"EXPERIMENTAL_BUILDKIT_SOURCE_POLICY": "/p", "TOKEN": "secret"}
    assert listed({**caller, **more}) == caller


@pytest.mark.parametrize(
    ("text", "configured", "expected"),
    [
        ("FROM a\n", False, {"http_proxy": "p", "NO_PROXY": "n"}),
        ("FROM a\nARG http_proxy\n", False, {"NO_PROXY": "n"}),
        ("ARG http_proxy=x\nFROM a\n", False, {"NO_PROXY": "n"}),
        ("FROM a\nARG http_proxy\n", True, {"NO_PROXY": "n", "http_proxy": ""}),
        ("FROM a\nARG HTTP_PROXY\n", True, {"http_proxy": "p", "NO_PROXY": "n", "HTTP_PROXY": ""}),
    ],
)
def test_a_proxy_that_the_dockerfile_can_copy_is_not_given(
    tmp_path: Path, text: str, configured: bool, expected: dict[str, str]
) -> None:
    """ENV would put it with its password into the image that everybody adopts."""
    said = '{"proxies": {"default": {"httpProxy": "p"}}}' if configured else "{}"
    (tmp_path / "config.json").write_text(said)
    caller = {"http_proxy": "p", "NO_PROXY": "n", "DOCKER_CONFIG": str(tmp_path)}
    assert proxy_args(parse(text.encode(), "Dockerfile"), caller) == expected
