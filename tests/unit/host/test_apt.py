"""Mirrors come from this machine's apt settings, in both their forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layers.host.apt import Source, for_suite, parse_deb822, parse_list, system_sources

LIST = """\
# deb http://commented.test/debian bookworm main
deb http://mirror.test/debian bookworm main contrib # trailing
deb-src http://mirror.test/debian bookworm main
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
        Source("http://mirror.test/debian", "bookworm", ("main", "contrib")),
        Source("https://other.test/debian", "bookworm-updates", ("main",), "/Keys/K.gpg", True),
    ]


def test_stanzas_are_read() -> None:
    """Each address with each suite; an inline key is no path."""
    assert [(s.uri, s.suite, s.components, s.signed_by) for s in parse_deb822(DEB822)] == [
        ("http://mirror.test/debian", "trixie", ("main",), "/keys/k.gpg"),
        ("http://mirror.test/debian", "trixie-updates", ("main",), "/keys/k.gpg"),
        ("http://second.test/debian", "trixie", ("main",), "/keys/k.gpg"),
        ("http://second.test/debian", "trixie-updates", ("main",), "/keys/k.gpg"),
        ("http://inline.test/debian", "trixie-security", ("main",), ""),
    ]


def test_the_system_s_files_are_read_together(tmp_path: Path) -> None:
    """Mirror lists are resolved; addresses that a base could not use are left out."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb cdrom:[Debian]/ bookworm main\n")
    mirrors = tmp_path / "mirrors.list"
    mirrors.write_text("# first\nhttps://cloud.test/debian\tpriority:1\nhttps://b.test/debian\n")
    (tmp_path / "sources.list.d" / "a.sources").write_text(
        f"Types: deb\nURIs: mirror+file://{mirrors}\nSuites: bookworm\nComponents: main\n"
    )
    assert [s.uri for s in system_sources(str(tmp_path))] == ["https://cloud.test/debian"]
    assert system_sources(str(tmp_path / "none")) == []


M, S = "http://m.test/debian", "http://s.test/security"
OWN = [
    Source("http://vendor.test/x", "stable", ("main",)),
    Source(M, "bookworm", ("main", "non-free")),
    Source("http://late.test/debian", "bookworm", ("main",)),
    Source(M, "bookworm-updates", ("main",)),
    Source(S, "bookworm-security", ("main",)),
    Source(M, "bookworm-backports", ("main",)),
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
        ("bookworm", [Source("http://u.test/ubuntu", "jammy", ("main",))], {}, []),
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
    found = for_suite("jammy", [Source("http://u.test/ubuntu", "noble", ("main",))], {})
    assert found == ("deb http://u.test/ubuntu jammy main universe",)


def test_a_keyring_that_is_not_here_is_replaced_by_the_family_s(tmp_path: Path) -> None:
    """Else apt would refuse the mirror for want of a key."""
    keyring = tmp_path / "debian-archive-keyring.gpg"
    keyring.write_bytes(b"")
    source = Source(M, "bookworm", ("main",), "/nowhere/k.gpg")
    found = for_suite("bookworm", [source], {}, str(tmp_path))
    assert found == (f"deb [signed-by={keyring}] {M} bookworm main",)
