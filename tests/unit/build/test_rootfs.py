"""A recipe's key covers what a base holds, and its files are the same whatever the host."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.build.rootfs import overlay
from layers.build.rootfs.cache import DebCache
from layers.build.rootfs.make import RootfsError, make
from layers.graph.recipe import Recipe
from layers.host import ca

BASE = Recipe("bookworm", ("python3", "ffmpeg"), env={"B": "2", "A": "1"})


def test_a_manifest_lists_what_a_base_holds() -> None:
    """In a fixed order, and no mirror in it."""
    assert BASE.manifest_entries() == [
        ("rootfs", "1"),
        ("suite", "bookworm"),
        ("variant", "apt"),
        ("architecture", "amd64"),
        ("package", "ca-certificates"),
        ("package", "ffmpeg"),
        ("package", "python3"),
        ("env", "A=1"),
        ("env", "B=2"),
        ("ca", "none"),
    ]


@settings(deadline=None)
@given(st.permutations(["a0", "b0", "c0", "c0", "ca-certificates"]))
def test_order_and_repetition_of_packages_do_not_count(packages: Any) -> None:
    """apt takes a set."""
    entries = Recipe("bookworm", tuple(packages)).manifest_entries()
    assert entries == Recipe("bookworm", ("a0", "b0", "c0")).manifest_entries()


@pytest.mark.parametrize(
    "other",
    [
        Recipe("trixie", BASE.packages, env=BASE.env),
        Recipe("bookworm", ("python3",), env=BASE.env),
        Recipe("bookworm", BASE.packages, "minbase", BASE.env),
        Recipe("bookworm", BASE.packages, env={**BASE.env, "A": "0"}),
        Recipe("bookworm", BASE.packages, env=BASE.env, architecture="arm64"),
        Recipe("bookworm", BASE.packages, env=BASE.env, ca="0" * 32),
    ],
)
def test_every_option_counts(other: Any) -> None:
    """A change of any field is another base."""
    assert other.manifest_entries() != BASE.manifest_entries()


def test_all_faults_of_a_recipe_are_told_at_once(tmp_path: Path) -> None:
    """Before anything runs; a package name is no way to pass options to apt."""
    recipe = Recipe("Book worm", ("--force", "ok", "a b"), "tiny", {"1X": ""})
    with pytest.raises(RootfsError) as error:
        make(recipe, str(tmp_path), print)
    assert str(error.value) == (
        "a system base cannot be made:\n"
        "  suite 'Book worm' is not a code name like 'bookworm'\n"
        "  variant 'tiny' is not one of apt, minbase, buildd, required, important, standard\n"
        "  package '--force' is not a package name\n"
        "  package 'a b' is not a package name\n"
        "  environment variable '1X' is not a name"
    )
    assert os.listdir(tmp_path) == []


def test_certificates_that_changed_since_the_plan_stop_the_work(tmp_path: Path) -> None:
    """Else the base under the key would not be what the key says."""
    with pytest.raises(RootfsError, match="changed while its base was planned"):
        make(Recipe("bookworm", ca="0" * 32), str(tmp_path), print, ca_pem=ca.pem([b"x"]))


def test_a_dockerfile_sets_the_same_variables_everywhere() -> None:
    """The recipe's own win; quotes and dollars arrive as they are."""
    text = overlay.dockerfile({"LANG": "de_DE.UTF-8", "X": 'a "b" $c'}, "rootfs.tar")
    assert text.splitlines() == [
        "FROM scratch",
        "ADD rootfs.tar /",
        'ENV CURL_CA_BUNDLE="/etc/ssl/certs/ca-certificates.crt"',
        'ENV GIT_SSL_CAINFO="/etc/ssl/certs/ca-certificates.crt"',
        'ENV LANG="de_DE.UTF-8"',
        'ENV NODE_EXTRA_CA_CERTS="/etc/ssl/certs/ca-certificates.crt"',
        'ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"',
        'ENV PIP_CERT="/etc/ssl/certs/ca-certificates.crt"',
        'ENV REQUESTS_CA_BUNDLE="/etc/ssl/certs/ca-certificates.crt"',
        'ENV SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt"',
        'ENV X="a \\"b\\" \\$c"',
        'CMD ["bash"]',
    ]


@pytest.mark.parametrize(
    ("mirror", "line"),
    [
        ("deb http://m.test/debian sid main", "deb http://m.test/debian sid main"),
        ("deb [signed-by=/k.gpg] http://m.test/d sid main", "deb http://m.test/d sid main"),
        (
            "deb [signed-by=/k.gpg trusted=yes] http://m.test/d sid main",
            "deb [trusted=yes] http://m.test/d sid main",
        ),
        ("deb https://me:secret@m.test:8/d sid main", "deb https://m.test:8/d sid main"),
    ],
)
def test_no_password_and_no_path_of_the_host_gets_into_a_base(mirror: Any, line: Any) -> None:
    """What apt needed outside is not what it needs inside."""
    assert overlay.sources_list([mirror]) == f"{line}\n"


def test_each_certificate_is_a_file_of_its_own(tmp_path: Path) -> None:
    """So that update-ca-certificates takes it, now and after upgrades."""
    overlay.write_overlay(str(tmp_path), [], ca.pem([b"two", b"one"]))
    folder = tmp_path / "usr/local/share/ca-certificates"
    assert (folder / "host-1.crt").read_bytes() == ca.pem([b"one"])
    assert (folder / "host-2.crt").read_bytes() == ca.pem([b"two"])
    assert not (tmp_path / "etc/apt/sources.list").exists()


def test_the_package_cache_gives_back_what_it_took(tmp_path: Path) -> None:
    """A damaged entry is dropped, never lent."""
    fetched, lent, again = (tmp_path / name for name in ("fetched", "lent", "again"))
    for folder in (fetched, lent, again):
        folder.mkdir()
    (fetched / "a_1%3a2_all.deb").write_bytes(b"aaa")
    (fetched / "b_1_all.deb").write_bytes(b"bbb")
    (fetched / "lock").write_bytes(b"")
    cache = DebCache(str(tmp_path / "cache"))
    assert cache.lend(str(lent)) == 0
    cache.keep(str(fetched))
    assert cache.lend(str(lent)) == 2
    assert (lent / "a_1%3a2_all.deb").read_bytes() == b"aaa"
    (damaged,) = (tmp_path / "cache").glob("*_b_1_all.deb")
    damaged.unlink()
    damaged.write_bytes(b"bbX")
    assert cache.lend(str(again)) == 1
    assert os.listdir(again) == ["a_1%3a2_all.deb"]
    assert not damaged.exists()
