"""Package sources are read as apt reads them, and turned to where the docker packages are."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.host.system import System
from layers.setup.sources import Source, candidates, read_deb822, read_list, system_sources

MIRROR = "http://mirror.example/debian"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"deb {MIRROR} bookworm main", [Source((MIRROR,), ("bookworm",), ("main",))]),
        (f"deb-src {MIRROR} bookworm main", []),
        (f"# deb {MIRROR} bookworm main", []),
        (f"deb {MIRROR} bookworm main # near", [Source((MIRROR,), ("bookworm",), ("main",))]),
        (f"  deb\t{MIRROR}  ./", [Source((MIRROR,), ("./",), ())]),
        (
            f"deb [arch=amd64 signed-by=/k.gpg trusted=yes] {MIRROR} bookworm main contrib",
            [
                Source(
                    (MIRROR,),
                    ("bookworm",),
                    ("main", "contrib"),
                    {"Signed-By": "/k.gpg", "Trusted": "yes"},
                )
            ],
        ),
        ("nonsense", []),
    ],
)
def test_one_line_sources_are_read(text: str, expected: list[Source]) -> None:
    """Options, comments and source packages of the old style are told apart."""
    assert list(read_list(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"Types: deb deb-src\n# a remark\nURIs: {MIRROR} http://b.example\n"
            "Suites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n",
            [
                Source(
                    (MIRROR, "http://b.example"),
                    ("bookworm", "bookworm-updates"),
                    ("main",),
                    {"Signed-By": "/k.gpg"},
                )
            ],
        ),
        (f"Types: deb-src\nURIs: {MIRROR}\nSuites: bookworm\n", []),
        (f"Types: deb\nEnabled: no\nURIs: {MIRROR}\nSuites: bookworm\n", []),
        (
            f"\ntypes: deb\nuris: {MIRROR}\nsuites: a\n\n\nTypes: deb\nURIs: {MIRROR}\nSuites: b\n",
            [Source((MIRROR,), ("a",), ()), Source((MIRROR,), ("b",), ())],
        ),
        ("", []),
    ],
)
def test_deb822_sources_are_read(text: str, expected: list[Source]) -> None:
    """Stanzas, remarks, field names in any case, and what is switched off."""
    assert list(read_deb822(text)) == expected


def test_an_inline_key_stays_whole() -> None:
    """A key within the file comes out of the stanza that we write as it went in."""
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINB\n -----END PGP PUBLIC KEY BLOCK-----"
    text = f"Types: deb\nURIs: {MIRROR}\nSuites: bookworm\nComponents: main\nSigned-By:{key}\n"
    (source,) = read_deb822(text)
    assert list(read_deb822(source.deb822())) == [source]
    assert source.options["Signed-By"] == key


def test_debian_asks_its_mirror_for_another_suite() -> None:
    """Only the release's own archive counts, and a path that ends in debian comes first."""
    sources = [
        Source(("http://vendor.example/prod",), ("bookworm",), ("main",)),
        Source((MIRROR,), ("bookworm", "bookworm-updates"), ("main", "contrib"), {"Trusted": "no"}),
        Source((MIRROR,), ("bookworm",), ("non-free",)),
        Source(("http://x.example/debian-security",), ("bookworm-security",), ("main",)),
    ]
    first, second = candidates(System("debian", "bookworm"), sources)
    assert first == [Source((MIRROR,), ("trixie",), ("main",), {"Trusted": "no"})]
    assert second[0].uris == ("http://vendor.example/prod",)


def test_ubuntu_keeps_its_own_pockets() -> None:
    """Release, updates and security stay together; backports and vendors are left out."""
    sources = [
        Source(("http://u.example/ubuntu",), ("noble", "noble-backports"), ("main", "universe")),
        Source(("http://u.example/ubuntu",), ("noble-security",), ("universe",)),
        Source(("http://docker.example",), ("noble",), ("stable",)),
    ]
    assert candidates(System("ubuntu", "noble"), sources) == [
        [
            Source(("http://u.example/ubuntu",), ("noble",), ("main", "universe")),
            Source(("http://u.example/ubuntu",), ("noble-security",), ("universe",)),
        ]
    ]
    assert candidates(System("ubuntu", "noble"), []) == []


def test_both_styles_are_found_in_the_settings_folder(tmp_path: Path) -> None:
    """sources.list and its folder count; a file with another ending does not."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(f"deb {MIRROR} one main\n")
    (tmp_path / "sources.list.d/a.sources").write_text(f"Types: deb\nURIs: {MIRROR}\nSuites: two\n")
    (tmp_path / "sources.list.d/b.list.disabled").write_text(f"deb {MIRROR} three main\n")
    found = system_sources(str(tmp_path))
    assert [source.suites for source in found] == [("one",), ("two",)]
