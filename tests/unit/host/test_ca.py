"""Only certificates that a machine has beyond its distribution's own count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.host import ca

ders = st.sets(st.binary(min_size=1, max_size=200), max_size=6)


@settings(deadline=None)
@given(ders)
def test_pem_and_certificates_are_inverse(certs: Any) -> None:
    """What is written is read back, whatever the bytes."""
    assert ca.certificates(ca.pem(certs)) == certs
    assert ca.certificates(b"".join(ca.blocks(ca.pem(certs)))) == certs


@settings(deadline=None)
@given(ders, ders, ders)
def test_extra_is_trusted_and_local_without_stock(trusted: Any, stock: Any, local: Any) -> None:
    """An ordinary machine gives None; a stock set unknown makes no root an extra one."""
    found = ca.extra(ca.pem(trusted), ca.pem(stock), ca.pem(local))
    expected = ((trusted | local) - stock) if stock else local
    assert (ca.certificates(found) if found else None) == (expected or None)


def test_order_and_spelling_do_not_matter() -> None:
    """Comments, CRLF and order of a bundle leave the fingerprint as it was."""
    one = ca.pem([b"a" * 100, b"b" * 100])
    blocks = ca.blocks(one)
    other = b"# My proxy\r\n" + blocks[1].replace(b"\n", b"\r\n") + b"\n\n" + blocks[0]
    assert ca.fingerprint(other) == ca.fingerprint(one)
    assert ca.fingerprint(one) != ca.fingerprint(blocks[0])
    assert ca.fingerprint(None) is None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAA",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_what_is_no_certificate_is_left_out(text: Any) -> None:
    """Damaged blocks, and above all private keys, go nowhere."""
    assert ca.certificates(text) == set()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with one stock certificate, trusted by its bundle."""
    stock, local = tmp_path / "mozilla", tmp_path / "local"
    stock.mkdir()
    local.mkdir()
    (stock / "a.crt").write_bytes(ca.pem([b"stock"]))
    bundle = tmp_path / "bundle.crt"
    bundle.write_bytes(ca.pem([b"stock"]))
    monkeypatch.setattr(ca, "STOCK", str(stock / "*.crt"))
    monkeypatch.setattr(ca, "LOCAL", str(local / "*.crt"))
    monkeypatch.setattr(ca, "BUNDLE", str(bundle))
    return tmp_path


def test_an_ordinary_machine_has_none(machine: Any) -> None:
    """So its bases have the key that everybody's have."""
    assert ca.extra_certificates({}) is None
    assert ca.extra_certificates({"SSL_CERT_FILE": str(machine / "bundle.crt")}) is None


def test_a_certificate_of_the_administrator_is_found(machine: Any) -> None:
    """Before update-ca-certificates has run too."""
    (machine / "local" / "proxy.crt").write_bytes(ca.pem([b"proxy"]))
    assert ca.extra_certificates({}) == ca.pem([b"proxy"])


def test_a_bundle_named_by_the_environment_is_read(machine: Any) -> None:
    """SSL_CERT_FILE and its like tell what TLS here trusts; a missing file tells nothing."""
    own = machine / "own.pem"
    own.write_bytes(ca.pem([b"stock", b"company"]))
    env = {"PIP_CERT": str(own), "SSL_CERT_FILE": str(machine / "missing")}
    assert ca.extra_certificates(env) == ca.pem([b"company"])


def test_certifi_s_roots_are_nobody_s_own(machine: Any) -> None:
    """A bundle of certifi's, newer than the distribution, adds nothing."""
    certifi = pytest.importorskip("certifi")
    assert ca.extra_certificates({"SSL_CERT_FILE": certifi.where()}) is None
