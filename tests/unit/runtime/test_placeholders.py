"""Placeholders in texts of images.toml."""

from __future__ import annotations

import pytest

from layers.runtime.placeholders import fault, filled, names


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("plain", (), "plain"),
        ("{git.commit}", ("git.commit",), "c0"),
        ("{date} {env.A} {date}", ("date", "env.A"), "now a now"),
        ("{{git.commit}}", (), "{git.commit}"),
        ("{{{date}}}", ("date",), "{now}"),
        ("}}{{", (), "}{"),
        ("}{", (), None),
        ("{git.commit", (), None),
        ("{date}}", ("date",), None),
        ("${A}", ("A",), None),
        ("{env.}", ("env.",), None),
        ("{}", ("",), None),
    ],
)
def test_what_stands_in_braces_is_asked_for(
    text: str, asked: tuple[str, ...], expected: str | None
) -> None:
    """A doubled brace is one; what nobody knows is told."""
    assert names(text) == asked
    assert bool(fault(text)) is (expected is None)
    if expected is not None:
        assert filled(text, {"git.commit": "c0", "date": "now", "env.A": "a"}) == expected
