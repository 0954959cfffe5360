"""What a failed step's base has in place of a package that it lacks, and how long that is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layers.check.online.index_cache import FRESH_SECONDS, KEPT, IndexCache
from layers.check.online.meant import meant
from layers.check.online.package_names import Answer

FOCAL = Answer(
    system="ubuntu focal",
    names=("libicu63", "libicu72", "libwebp6", "libwebpmux3", "python3", "python3-pip"),
)


@pytest.mark.parametrize(
    ("packages", "told"),
    [
        (["libwebp7"], ["libwebp7 {}; libwebp6 is"]),
        (["libicu66"], ["libicu66 {}; libicu63 and libicu72 are"]),
        (["pyhton3:amd64", "nodejs"], ["pyhton3 {}; python3 is"]),
        (["libwebp6"], []),
        ([], []),
    ],
)
def test_each_package_that_has_something_near_is_told(packages: list[str], told: list[str]) -> None:
    """None for what is there by now, and for what has nothing near."""
    lacks = "is in no list of Ubuntu 20.04 that this base fetches"
    assert list(meant(packages, FOCAL)) == [text.format(lacks) for text in told]


def test_a_release_that_is_not_known_has_its_own_name() -> None:
    """And a base that does not say is the base."""
    for system, name in (("debian zurg", "debian zurg"), ("", "the base")):
        (text,) = meant(["libwebp7"], FOCAL._replace(system=system))
        assert f"in no list of {name} that" in text


def test_names_are_kept_for_a_week_a_base(tmp_path: Path) -> None:
    """A damaged file is none."""
    cache = IndexCache(str(tmp_path / "names"))
    assert cache.find("base@sha256:1") is None
    cache.keep("base@sha256:1", FOCAL)
    assert cache.find("base@sha256:1") == FOCAL
    assert cache.find("base@sha256:2") is None
    (path,) = (tmp_path / "names").iterdir()
    long_ago = path.stat().st_mtime - FRESH_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    assert cache.find("base@sha256:1") is None
    path.write_text("[")
    assert cache.find("base@sha256:1") is None


def test_no_more_than_some_bases_are_kept(tmp_path: Path) -> None:
    """The newest."""
    cache = IndexCache(str(tmp_path))
    for number in range(KEPT + 3):
        cache.keep(str(number), FOCAL)
        for path in tmp_path.iterdir():  # clocks of file systems are coarse
            os.utime(path, (path.stat().st_mtime - 1, path.stat().st_mtime - 1))
    assert len(list(tmp_path.iterdir())) == KEPT
    assert cache.find(str(KEPT + 2)) == FOCAL
    assert cache.find("0") is None
