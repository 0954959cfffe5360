"""Mirrors come from this machine's apt settings, in both their forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.host.apt import AptSource, for_suite, parse_deb822, parse_list, system_sources

LIST = """\
# deb http://commented.test/debian bookworm main
deb http://mirror.test/debian bookworm main contrib # trailing
deb-src http://mirror.test/debian bookworm main
  deb\thttp://flat.test/debian  ./
deb http://alone.test/debian
deb [ arch=amd64 signed-by=/Keys/K.gpg trusted=yes ] https://other.test/debian bookworm-updates main
broken
"""

DEB822 = """\
Types: deb deb-src
# a remark
URIs: http://mirror.test/debian http://second.test/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /keys/k.gpg

Types: deb
URIs: http://off.test/debian
Suites: trixie
Components: main
Enabled: no

Types: deb
URIs: http://inline.test/debian
Suites: trixie-security
Components:
 main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
"""


def test_one_line_sources_are_read() -> None:
    """Options in brackets keep the case of a path; sources of source code are left out."""
    assert parse_list(LIST) == [
        AptSource("http://mirror.test/debian", "bookworm", ("main", "contrib")),
        AptSource("http://flat.test/debian", "./", ()),
        AptSource("https://other.test/debian", "bookworm-updates", ("main",), "/Keys/K.gpg", True),
    ]


def test_stanzas_are_read() -> None:
    """Each address with each suite; an inline key is no path."""
    assert [(s.uri, s.suite, s.components, s.keyring) for s in parse_deb822(DEB822)] == [
        ("http://mirror.test/debian", "trixie", ("main",), "/keys/k.gpg"),
        ("http://mirror.test/debian", "trixie-updates", ("main",), "/keys/k.gpg"),
        ("http://second.test/debian", "trixie", ("main",), "/keys/k.gpg"),
        ("http://second.test/debian", "trixie-updates", ("main",), "/keys/k.gpg"),
        ("http://inline.test/debian", "trixie-security", ("main",), ""),
    ]


@pytest.mark.parametrize("word", ["no", "No", "false", "0", "off", "without", "disable"])
def test_whatever_apt_takes_for_no_switches_a_stanza_off(tmp_path: Path, word: str) -> None:
    """Neither a base nor a private engine is made from a mirror that apt does not use."""
    (tmp_path / "sources.list.d").mkdir()
    stanza = f"Types: deb\nURIs: {M}\nSuites: bookworm\nComponents: main\nEnabled: "
    file = tmp_path / "sources.list.d" / "a.sources"
    file.write_text(f"{stanza}{word}\n")
    assert system_sources(str(tmp_path)) == []
    file.write_text(f"{stanza}yes\n")
    assert [source.uri for source in system_sources(str(tmp_path))] == [M]


def test_trust_is_read_as_apt_reads_it() -> None:
    """In both forms, yes and no; what is neither changes nothing."""
    for word, trusted in (("yes", True), ("1", True), ("off", False), ("maybe", None)):
        (line,) = parse_list(f"deb [trusted={word}] {M} bookworm main")
        text = f"Types: deb\nURIs: {M}\nSuites: bookworm\nComponents: main\nTrusted: {word}\n"
        assert [line] == parse_deb822(text)
        assert line.trusted is trusted


def test_an_inline_key_stays_whole() -> None:
    """A key within the file comes out of the stanza that we write as it went in."""
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n -----END PGP PUBLIC KEY BLOCK-----"
    text = f"Types: deb\nURIs: {M}\nSuites: bookworm\nComponents: main\nSigned-By:{key}\n"
    (source,) = parse_deb822(text)
    assert parse_deb822(source.stanza()) == [source]
    assert source.signed_by == key
    assert source.line() == f"deb {M} bookworm main"


def test_the_system_s_files_are_read_together(tmp_path: Path) -> None:
    """In apt's order, mirror lists resolved; a file with another ending does not count."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb cdrom:[Debian]/ bookworm main\n")
    mirrors = tmp_path / "mirrors.list"
    mirrors.write_text("# first\nhttps://cloud.test/debian\tpriority:1\nhttps://b.test/debian\n")
    (tmp_path / "sources.list.d" / "a.sources").write_text(
        f"Types: deb\nURIs: mirror+file://{mirrors}\nSuites: bookworm\nComponents: main\n"
    )
    (tmp_path / "sources.list.d" / "b.list").write_text("deb http://b.test/debian bookworm main\n")
    (tmp_path / "sources.list.d" / "c.list.disabled").write_text("deb http://c.test/ x main\n")
    found = system_sources(str(tmp_path))
    web = ["https://cloud.test/debian", "http://b.test/debian"]
    assert [s.uri for s in found] == ["cdrom:[Debian]/", *web]
    assert for_suite("bookworm", found, {}) == (f"deb {web[0]} bookworm main",)
    assert system_sources(str(tmp_path / "none")) == []


M, S = "http://m.test/debian", "http://s.test/security"
OWN = [
    AptSource("http://vendor.test/x", "stable", ("main",)),
    AptSource(M, "bookworm", ("main", "non-free")),
    AptSource("http://late.test/debian", "bookworm", ("main",)),
    AptSource(M, "bookworm-updates", ("main",)),
    AptSource(S, "bookworm-security", ("main",)),
    AptSource(M, "bookworm-backports", ("main",)),
]


@pytest.mark.parametrize(
    ("suite", "sources", "env", "lines"),
    [
        ("bookworm", OWN, {}, [f"{M} bookworm", f"{M} bookworm-updates", f"{S} bookworm-security"]),
        # a relative's mirror serves the suite too
        ("trixie", OWN, {}, [f"{M} trixie", f"{M} trixie-updates", f"{S} trixie-security"]),
        ("sid", OWN, {}, [f"{M} sid"]),
        ("bookworm", OWN[1:2], {}, [f"{M} bookworm"]),
        # only an updates suite is no base
        ("bookworm", OWN[3:], {}, []),
        ("bookworm", [AptSource("http://u.test/ubuntu", "jammy", ("main",))], {}, []),
        (
            "bookworm",
            OWN,
            {"LAYERS_DEBIAN_MIRROR": "http://my.test/d"},
            ["http://my.test/d bookworm", "http://my.test/d bookworm-updates"],
        ),
    ],
)
def test_a_suite_gets_its_updates_and_security(
    suite: Any, sources: Any, env: Any, lines: Any
) -> None:
    """From the mirrors in use here, components as every machine takes them."""
    assert for_suite(suite, sources, env) == tuple(f"deb {line} main" for line in lines)


def test_ubuntu_takes_universe_as_well() -> None:
    """Its nodejs and python3-pip are in there."""
    found = for_suite("jammy", [AptSource("http://u.test/ubuntu", "noble", ("main",))], {})
    assert found == ("deb http://u.test/ubuntu jammy main universe",)


def test_a_keyring_that_is_not_here_is_replaced_by_the_family_s(tmp_path: Path) -> None:
    """Else apt would refuse the mirror for want of a key."""
    keyring = tmp_path / "debian-archive-keyring.gpg"
    keyring.write_bytes(b"")
    source = AptSource(M, "bookworm", ("main",), "/nowhere/k.gpg")
    found = for_suite("bookworm", [source], {}, str(tmp_path))
    assert found == (f"deb [signed-by={keyring}] {M} bookworm main",)
