"""Host CA: certificates that this machine trusts beyond its distribution's own (a proxy's)."""

from __future__ import annotations

import base64
import binascii
import glob
import os
import re
from collections.abc import Iterable, Mapping

import xxhash

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian and Ubuntu keep the bundle that programs read."""

STOCK = "/usr/share/ca-certificates/mozilla/*.crt"
LOCAL = "/usr/local/share/ca-certificates/*.crt"

VARIABLES = (
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
)
"""Environment variables by which programs are told of another bundle."""

_BLOCK = rb"-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----"


def certificates(pem: bytes) -> set[bytes]:
    """The DER bytes of every certificate in ``pem``; a damaged block is left out."""
    found = set()
    for body in re.findall(_BLOCK, pem):
        try:
            found.add(base64.b64decode(b"".join(body.split()), validate=True))
        except binascii.Error:
            continue
    return found


def pem(certs: Iterable[bytes]) -> bytes:
    """PEM blocks sorted by their DER bytes, so that one set has one text."""
    return b"".join(
        b"-----BEGIN CERTIFICATE-----\n"
        + b"".join(text[i : i + 64] + b"\n" for i in range(0, len(text), 64))
        + b"-----END CERTIFICATE-----\n"
        for text in (base64.b64encode(der) for der in sorted(certs))
    )


def blocks(text: bytes) -> list[bytes]:
    """Each certificate of ``text`` as a PEM text of its own, sorted."""
    return [pem([der]) for der in sorted(certificates(text))]


def extra(trusted: bytes, stock: bytes, local: bytes) -> bytes | None:
    """Certificates in ``trusted`` or ``local`` and not in ``stock`` as PEM; None when none are.

    An empty ``stock`` means that it is not known: then only ``local`` counts.
    """
    known = set(re.findall(_BLOCK, stock))
    told = set(re.findall(_BLOCK, local)) | (set(re.findall(_BLOCK, trusted)) if known else set())
    if not told - known:
        # Debian's bundle is its stock files one after another, so their texts are equal
        return None
    found = certificates(local) | (certificates(trusted) if known else set())
    found -= certificates(stock)
    return pem(found) if found else None


def fingerprint(text: bytes | None) -> str | None:
    """Hash of extra certificates for a key: 32 hex digits of xxh3_128, None for None."""
    return None if text is None else xxhash.xxh3_128_hexdigest(pem(certificates(text)))


def extra_certificates(env: Mapping[str, str] | None = None) -> bytes | None:
    """What this machine trusts beyond the stock set, as sorted PEM; None on an ordinary one."""
    env = os.environ if env is None else env
    bundles = dict.fromkeys(
        os.path.realpath(env[name]) for name in VARIABLES if os.path.isfile(env.get(name, ""))
    )
    own = os.path.realpath(BUNDLE)
    stock = _read(sorted(glob.glob(STOCK)))
    if not stock:
        # without the distribution's list, its bundle may hold roots that certifi never had
        bundles.pop(own, None)
        stock = _certifi()
    elif not bundles:
        bundles = {own: None}
    elif set(bundles) != {own}:
        stock += b"\n" + _certifi()  # the bundle may be certifi's, newer than the distribution
    return extra(_read(bundles), stock, _read(sorted(glob.glob(LOCAL))))


def places(env: Mapping[str, str]) -> list[str]:
    """Files and folders that `extra_certificates` reads: it can change only when one of them does.

    A folder's own time tells of files added and removed; those of LOCAL stand for themselves.
    """
    named = sorted({env[name] for name in VARIABLES if env.get(name)})
    return [
        *named,
        BUNDLE,
        os.path.dirname(STOCK),
        os.path.dirname(LOCAL),
        *sorted(glob.glob(LOCAL)),
    ]


def _certifi() -> bytes:
    try:
        import certifi
    except ImportError:
        return b""
    return _read([certifi.where()])


def _read(paths: Iterable[str]) -> bytes:
    texts = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                texts.append(file.read())
        except OSError:
            continue
    return b"\n".join(texts)
