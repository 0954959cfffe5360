"""Package sources are turned to where a private engine's packages are."""

from __future__ import annotations

from pathlib import Path

from layers.host.apt import AptSource, system_sources
from layers.host.system import System
from layers.setup.private.archives import candidates

MIRROR = "http://mirror.example/debian"


def test_debian_asks_its_mirror_for_another_suite() -> None:
    """Only the release's own archive counts, and a path that ends in debian comes first."""
    sources = [
        AptSource("http://vendor.example/prod", "bookworm", ("main",)),
        AptSource(MIRROR, "bookworm", ("main", "contrib"), trusted=False),
        AptSource(MIRROR, "bookworm-updates", ("main", "contrib"), trusted=False),
        AptSource(MIRROR, "bookworm", ("non-free",)),
        AptSource("http://x.example/debian-security", "bookworm-security", ("main",)),
    ]
    first, second = candidates(System("debian", "bookworm"), sources, ("trixie",))
    assert first == [AptSource(MIRROR, "trixie", ("main",), trusted=False)]
    assert second[0].uri == "http://vendor.example/prod"


def test_ubuntu_keeps_its_own_pockets() -> None:
    """Release, updates and security stay together; backports and vendors are left out."""
    own = [
        AptSource("http://u.example/ubuntu", "noble", ("main", "universe")),
        AptSource("http://u.example/ubuntu", "noble-security", ("universe",)),
    ]
    others = [
        AptSource("http://u.example/ubuntu", "noble-backports", ("main", "universe")),
        AptSource("http://docker.example", "noble", ("stable",)),
    ]
    assert candidates(System("ubuntu", "noble"), [own[0], *others, own[1]], ("sid",)) == [own]
    assert candidates(System("ubuntu", "noble"), [], ("sid",)) == []


def test_a_mirror_list_of_a_cloud_image_is_a_mirror_like_any_other(tmp_path: Path) -> None:
    """Its first mirror is asked, and comes first as one whose path ends in debian."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "mirrors.list").write_text(f"{MIRROR}\tpriority:1\n")
    (tmp_path / "sources.list").write_text("deb http://vendor.example/prod bookworm main\n")
    (tmp_path / "sources.list.d" / "a.sources").write_text(
        f"Types: deb\nURIs: mirror+file://{tmp_path}/mirrors.list\nSuites: bookworm\n"
        "Components: main\n"
    )
    first, _ = candidates(System("debian", "bookworm"), system_sources(str(tmp_path)), ("trixie",))
    assert first == [AptSource(MIRROR, "trixie", ("main",))]
