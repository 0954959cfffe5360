"""Headers are read as the RFCs have them, and never lead a login astray."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.registry.headers import next_page, origin, place, starts_at, with_query

ASKED = "https://r.example:5000/v2/a/tags/list?n=2"
HOST = "https://r.example:5000"


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("", None),
        ('</v2/a/tags/list?last=b&n=2>; rel="next"', f"{HOST}/v2/a/tags/list?last=b&n=2"),
        ("</v2/x>;rel=next", f"{HOST}/v2/x"),
        ('</v2/x>; REL="next"', f"{HOST}/v2/x"),
        ('</v2/x>; title="a, b; c"; rel="next"', f"{HOST}/v2/x"),
        ('</v2/p>; rel="prev", </v2/n>; rel="next"', f"{HOST}/v2/n"),
        ('</v2/n>; rel="last next"', f"{HOST}/v2/n"),
        ('</v2/p>; rel="prev"', None),
        ("</v2/x>", None),
        ('</v2/x>; rel="nextish"', None),
        ('<list?last=b>; rel="next"', f"{HOST}/v2/a/tags/list?last=b"),
        ('<?last=b>; rel="next"', f"{HOST}/v2/a/tags/list?last=b"),
        ('<http://r.example/v2/x?y#z>; rel="next"', f"{HOST}/v2/x?y"),
        ('<https://evil.example/v2/x>; rel="next"', f"{HOST}/v2/x"),
        ('v2/x; rel="next"', None),
        ('</v2/a,b>; rel="next"', f"{HOST}/v2/a,b"),
    ],
)
def test_the_next_page(link: str, url: str | None) -> None:
    """Stays at the registry that was asked."""
    assert next_page(link, ASKED) == url


PIECES = st.lists(st.sampled_from([*'/:[]<>;"=,?#@ ab0', "http:", "//", "rel=next", "h:x"]))
"""Texts of what URLs and headers are made of."""


@given(st.text(max_size=60) | PIECES.map("".join))
def test_no_link_leads_elsewhere(text: str) -> None:
    """Whatever is in it, garbage included."""
    for link in (text, f'<{text}>; rel="next"', f'</x>; {text}; rel="next"'):
        found = next_page(link, ASKED)
        assert found is None or origin(found) == origin(ASKED)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("", ""),
        (" ", ""),
        ("/v2/a/u?s=1", f"{HOST}/v2/a/u?s=1"),
        ("u", f"{HOST}/v2/a/tags/u"),
        ("https://other.example/u?s=%3D", "https://other.example/u?s=%3D"),
        ("//other.example/u", "https://other.example/u"),
        ("http://r.example:5000/u", f"{HOST}/u"),
        ("http://r.example/u", f"{HOST}/u"),
        ("http://other.example/u", "http://other.example/u"),
        ("ftp://x/y", ""),
        ("mailto:x", ""),
        ("https://[", ""),
        ("https://h:port/", ""),
    ],
)
def test_where_an_upload_goes_on(location: str, url: str) -> None:
    """A host that was asked by https is not left for http."""
    assert place(location, ASKED) == url


@given(st.text(max_size=60) | PIECES.map("".join))
def test_a_location_is_a_url_or_none(text: str) -> None:
    """Never an exception."""
    found = place(text, ASKED)
    assert not found or origin(found)[0] in ("http", "https")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/u", "http://h/u?d=1"),
        ("http://h/u?", "http://h/u?d=1"),
        ("http://h/u?a=%2F&b", "http://h/u?a=%2F&b&d=1"),
        ("http://h/u?a#part", "http://h/u?a&d=1"),
    ],
)
def test_a_query_is_added(url: str, expected: str) -> None:
    """What is there stays as it is encoded: it may be signed."""
    assert with_query(url, "d=1") == expected


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("bytes 5-9/10", 5),
        ("bytes 0-0/*", 0),
        (" bytes  7-9/10 ", 7),
        ("", None),
        ("bytes 9-5/10", None),
        ("bytes */10", None),
        ("items 1-2/3", None),
        ("bytes 5-9/10 more", None),
    ],
)
def test_where_a_part_starts(text: str, first: int | None) -> None:
    """Only a range of bytes says so."""
    assert starts_at(text) == first


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/a", "https://h:443/b?c", True),
        ("http://h", "http://H:80/", True),
        ("http://h", "https://h", False),
        ("https://h", "https://h:444", False),
        ("https://h", "https://h.evil", False),
        ("https://h", "https://h@evil", False),
    ],
)
def test_an_origin(one: str, other: str, same: bool) -> None:
    """Scheme, host and port, with the usual port filled in."""
    assert (origin(one) == origin(other)) is same
