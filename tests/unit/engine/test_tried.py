"""Which engines are refused, and what is said of those that nobody tried."""

from __future__ import annotations

import pytest

from layers.engine.engine import About
from layers.engine.tried import of_buildx, refusal, remarks


@pytest.mark.parametrize(
    ("about", "words"),
    [
        (About("Podman", "5.8.6"), "Podman 5.8.6, which has no BuildKit"),
        (About("Docker", "20.10.24+dfsg1"), "Docker 20.10.24+dfsg1, and at least 23.0 is needed"),
    ],
)
def test_what_cannot_build_is_refused_with_a_way_out(about: About, words: str) -> None:
    """One sentence, before BuildKit says something that nobody understands."""
    refused = refusal(about)
    assert refused is not None
    assert words in str(refused)
    assert "builder" in refused.hint


@pytest.mark.parametrize("version", ["23.0.0", "26.1.5+dfsg1", "28.5.2", "29.1.0-rc.1", "", "dev"])
def test_anything_else_is_not(version: str) -> None:
    """An unknown version may be somebody's own build of a new one."""
    assert refusal(About("Docker", version)) is None


@pytest.mark.parametrize(
    ("version", "word"),
    [
        ("24.0.7", "older"),
        ("26.0.9", "older"),
        ("26.1.5+dfsg1", ""),
        ("27.5.1", ""),
        ("28.5.2", ""),
        ("29.1.0", "newer"),
        ("dev", ""),
    ],
)
def test_an_engine_that_nobody_tried_is_remarked(version: str, word: str) -> None:
    """What lies between two that were tried goes without saying."""
    said = remarks(About("Docker", version), None)
    assert [word in each for each in said] == ([True] if word else [])


def test_a_rootless_engine_does_not_reach_our_loopback() -> None:
    """Said only where images go to such a registry."""
    about = About("Docker", "28.5.2", rootless=True)
    assert "127.0.0.1:5000" in remarks(about, "127.0.0.1:5000/team")[0]
    assert remarks(about, "registry.example/team") == remarks(about, None) == []


def test_a_desktop_is_remarked() -> None:
    """Docker Desktop's engine runs in a machine of its own, which was not tried."""
    assert "Desktop" in remarks(About("Docker", "28.5.2", system="Docker Desktop"), None)[0]


@pytest.mark.parametrize(
    ("version", "word"),
    [("0.12.1", "older"), ("0.13.1+ds1", ""), ("0.29.1", ""), ("0.31.0-desktop.1", "newer")],
)
def test_a_client_that_nobody_tried_is_remarked(version: str, word: str) -> None:
    """Buildx, whose options and record we depend on."""
    assert [word in each for each in of_buildx(version)] == ([True] if word else [])
