"""What a failed step's base has in place of a package that it lacks, and how long that is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from layers.build.buildx import BuildFailed
from layers.build.failure.build import Failure
from layers.build.failure.cause import Cause
from layers.check.online.index_cache import FRESH_SECONDS, KEPT, IndexCache
from layers.check.online.meant import PATIENCE, meant, tell_meant
from layers.check.online.package_names import Answer
from layers.engine.containers import TIMED_OUT, Ran
from layers.runtime.events import Failed
from tests.fakes_containers import MemoryContainers, MemoryImage, said
from tests.refreshworld import HUB, World
from tests.unit.check.test_package_names import packed

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


STEP = "RUN apt-get update && apt-get install -y libwebp7\n"
SAID = (
    f"@os ubuntu focal\n@ask 0\nE: Unable to locate package libwebp7\n@names\n{packed('libwebp6')}"
)
TOLD = "libwebp7 is in no list of Ubuntu 20.04 that this base fetches; libwebp6 is"


class Ending:
    """Runs whose base failed, since its step asked for a package that is not there."""

    def __init__(self, root: Path, answer: Ran, step: str = STEP) -> None:
        self.world = World(root)
        (root / "base" / "Dockerfile").write_text(f"FROM {HUB}/debian:1\n{step}")
        base = f"{HUB}/debian@{self.world.upstream('debian:1', '1')}"
        image = MemoryImage(programs={"sh": lambda _call: answer})
        self.containers = MemoryContainers({base: image})

    def told(self) -> str:
        """What such a run tells in the end."""
        run = self.world.run()
        cause = Cause("apt-unknown-package", "", "", ("libwebp7",))
        error = BuildFailed("no", failure=Failure("base", "f", cause=cause))
        run.fails(error, Failed("base", "no"))
        self.world.told.clear()
        tell_meant(run, self.containers)
        return self.world.warnings()


def test_a_failed_run_ends_with_what_the_base_has(tmp_path: Path) -> None:
    """The base is asked once, for no longer than a person waits, and remembered."""
    ending = Ending(tmp_path, said(SAID))
    assert [ending.told(), ending.told()] == [TOLD, TOLD]
    (call,) = ending.containers.calls
    assert call.timeout == PATIENCE


@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (said("", status=TIMED_OUT), STEP),
        (said("@os ubuntu focal\n@down no route to host\n"), STEP),
        (said(SAID), f"RUN echo deb x y z >> /etc/apt/sources.list\n{STEP}"),
        (said(SAID), "ARG NAME\nRUN apt-get update && apt-get install -y $NAME\n"),
    ],
    ids=["too slow", "offline", "sources of its own", "names not known"],
)
def test_nothing_is_told_that_the_base_does_not_know(
    tmp_path: Path, answer: Ran, step: str
) -> None:
    """And nothing fails of it, nor is it remembered."""
    assert Ending(tmp_path, answer, step).told() == ""
    assert not (tmp_path / ".layers" / "package-names").exists()


def test_an_engine_that_is_gone_by_then_is_no_second_failure(tmp_path: Path) -> None:
    """The first one was told."""
    ending = Ending(tmp_path, said(SAID))
    ending.containers.down = True
    assert ending.told() == ""
