"""Headers of registries' answers: where the next page is, where an upload goes on."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

_LINK = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:"[^"]*"|[^\s",;]*))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s",;]*))', re.IGNORECASE)
_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(?:\d+|\*)\s*\Z")
_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: a login goes to one of these only (RFC 6454, section 4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def next_page(link: str, asked: str) -> str | None:
    """The URL after ``asked`` that a Link header names with rel=next; None on the last page.

    It stays where ``asked`` went: a proxy that ends TLS leaves http and a name of its own in it.
    Source: RFC 8288, section 3; distribution-spec, "Listing Tags".
    """
    for one in _LINK.finditer(link):
        found = _REL.search(one[2])
        if found and "next" in (found[1] or found[2] or "").lower().split():
            try:
                told, here = urlsplit(urljoin(asked, one[1])), urlsplit(asked)
            except ValueError:  # brackets that are no IPv6 address
                return None
            return str(told._replace(scheme=here.scheme, netloc=here.netloc, fragment="").geturl())
    return None


def place(location: str, asked: str) -> str:
    """The URL that a Location header means after a request to ``asked``; "" when it means none.

    Relative or absolute; http of a host that was asked by https becomes https.
    """
    if not location.strip():
        return ""
    try:
        found = urljoin(asked, location.strip())
        told, here = urlsplit(found), urlsplit(asked)
        _, host, _ = origin(found)
    except ValueError:  # a port or an IPv6 address that is none
        return ""
    if told.scheme not in ("http", "https") or not host:
        return ""
    if told.scheme == "http" and here.scheme == "https" and told.hostname == here.hostname:
        return told._replace(scheme="https", netloc=here.netloc).geturl()
    return found


def with_query(url: str, query: str) -> str:
    """``url`` with a query after the one that it has; ``query`` is encoded already."""
    parts = urlsplit(url)
    both = f"{parts.query}&{query}" if parts.query else query
    return parts._replace(query=both, fragment="").geturl()


def starts_at(content_range: str) -> int | None:
    """The first byte of a 206 (RFC 9110, 14.4); None for a text that is no range of bytes."""
    found = _RANGE.match(content_range.strip())
    return int(found[1]) if found and int(found[1]) <= int(found[2]) else None
