"""Which assembled images are built as well, and what is told of one that differs."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from layers.build.publish import Published
from layers.graph.graph import Layer
from layers.oci.digest import Digest
from layers.project.project import Project
from layers.verify.content import File
from layers.verify.read import Read, after_trunk, was_assembled
from layers.verify.verify import NoEmulator, Verified, check_platform, picked, text
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.unit.machines import HOST, NOWHERE, begin

KEYS = [f"xxh3-{number:032x}" for number in range(2000)]


def test_each_run_picks_the_same_images_about_one_in_so_many() -> None:
    assert all(picked(key, 1) for key in KEYS)
    tenth = [key for key in KEYS if picked(key, 10)]
    assert 140 < len(tenth) < 260
    assert tenth == [key for key in KEYS if picked(key, 10)]
    assert picked("xxh3-0", 5) is picked("xxh3-0", 5)


def test_an_error_names_the_image_its_tag_and_the_first_differences() -> None:
    digest = Digest(f"sha256:{'0' * 64}")
    image = Published(Layer("app"), "xxh3-1", "host/demo/app", digest, "assembled", 1.0, "app-")
    told = text(Verified(image, tuple(f"/f{number:02}: x" for number in range(12)))).splitlines()
    assert told[0].startswith("app: host/demo/app:app-xxh3-1 was assembled, and it differs")
    assert told[1:] == [*(f"  /f{number:02}: x" for number in range(10)), "  … and 2 more"]


def test_an_assembled_image_is_known_by_its_last_step() -> None:
    ours, theirs = {"created_by": "COPY a . # assembled"}, {"created_by": "COPY a . # buildkit"}
    assert was_assembled({"history": [theirs, ours]})
    assert not was_assembled({"history": [ours, theirs]})
    assert not was_assembled({})


def read(*layers: str, ours: int) -> Read:
    """An image whose layers have one file each, the last ``ours`` of them assembled."""
    steps = ["RUN x # buildkit"] * (len(layers) - ours) + ["COPY a / # assembled"] * ours
    value = {
        "rootfs": {"diff_ids": [f"sha256:{each}" for each in layers]},
        "history": [{"created_by": each} for each in steps],
    }
    file = File("file", 0o644)
    return Read(value, tuple(((each[0], file),) for each in layers))


def test_where_the_steps_that_run_gave_something_else_only_what_is_after_them_counts() -> None:
    """Which file a RUN made when is no fault of whoever assembled upon it."""
    ours = read("a1", "b1", "c1", ours=1)
    assert after_trunk(read("a1", "b1", "d1", ours=0), ours) is None
    assert after_trunk(read("a1", "b2", "d1", ours=0), ours) == {"c", "d"}


SAYS = ("echo", "Platforms: linux/amd64, linux/arm64\n")
"""In the place of buildx."""


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("RUN x", "Dockerfile:2: this RUN is for linux/s390x, and the engine has no emulator"),
        ("COPY images.toml /", ""),
    ],
)
def test_a_step_for_a_platform_that_the_engine_does_not_run_is_told(
    tmp_path: Path, step: str, told: str
) -> None:
    """With its line; what only copies files is built for any platform."""
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\n{step}\nCOPY images.toml /\n")
    (tmp_path / "images.toml").write_text(
        'version = 1\n[project]\nname = "demo"\n'
        '[images.app]\ncontext = "."\nplatform = "linux/s390x"\n'
    )
    registry, endpoint = MemoryRegistry(HOST), NOWHERE._replace(buildx=SAYS)
    run = begin(Project(str(tmp_path)), MemoryEngine(registry), registry, endpoint=endpoint)
    expected = pytest.raises(NoEmulator, match=told) if told else contextlib.nullcontext()
    with expected:
        check_platform(run, Layer("app"))
