"""A refresh on the real engine: what it builds, what it writes, and how one goes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from layers.lock.lock import Lock
from tests.e2e.lab import Workspace

pytestmark = pytest.mark.e2e

PROBE = 'probe = ["cat", "/waits"]\n'


@pytest.fixture
def nightly(workspace: Workspace) -> Workspace:
    """The small stack with a base that is looked after."""
    workspace.edit("images.toml", 'context = "base"\n', 'context = "base"\n' + PROBE)
    workspace.edit(
        "images.toml", PROBE, PROBE + 'smoke = ["test -s /system", ["cat", "/base.txt"]]\n'
    )
    workspace.edit("base/Dockerfile", "COPY base.txt", "RUN echo nothing > /waits\nCOPY base.txt")
    return workspace


def lock(of: Workspace) -> Lock:
    return Lock.parse(of.read("images.lock"))


def report(of: Workspace, *words: str, status: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(of.doit("refresh", "--json", *words, status=status).out)
    return found


def test_a_first_night_builds_the_base_and_the_second_nothing(nightly: Workspace) -> None:
    """The lock then names the base by key and digest; a quiet night leaves it to the letter."""
    first = report(nightly)
    assert [base["outcome"] for base in first["bases"]] == ["refreshed"]
    assert set(nightly.ran()) == {"base"}
    (base,) = lock(nightly).bases.values()
    assert (base.image, base.now.number, base.earlier) == ("base", 1, ())
    repository = f"{nightly.lab.registry}/{nightly.name}/base"
    assert nightly.lab.digest(repository, base.now.key) == str(base.now.digest)
    text = nightly.read("images.lock")
    second = report(nightly)
    assert [base["outcome"] for base in second["bases"]] == ["unchanged"]
    assert nightly.ran() == {}
    assert nightly.read("images.lock") == text
    nightly.doit("app")
    assert "base" not in nightly.ran()


def test_a_refresh_builds_without_the_cache_and_keeps_the_old_image(nightly: Workspace) -> None:
    """The same instructions run again, under another key; one goes back, and it stays quiet."""
    report(nightly)
    first = next(iter(lock(nightly).bases.values())).now
    nightly.doit("app")
    # The probe tells of something new: its file is of the image, so the lock is told another past.
    nightly.edit("images.lock", first.probe, "sha256:" + "0" * 64)
    second = report(nightly)
    assert [base["outcome"] for base in second["bases"]] == ["refreshed"]
    assert any("RUN echo system" in step for step in nightly.ran()["base"])
    (base,) = lock(nightly).bases.values()
    assert base.now.number == 2
    repository = f"{nightly.lab.registry}/{nightly.name}/base"
    assert nightly.lab.digest(repository, first.key) == str(first.digest)
    assert "base" in nightly.doit("why", "app").text
    nightly.doit("app")
    assert "base" not in nightly.ran()
    listed = nightly.doit("rollback", "base", "--list").out
    assert listed.splitlines()[1].startswith("*   2")
    told = nightly.doit("rollback", "base").out
    assert told.startswith(f"base: epoch 2 → 1, {first.key}")
    nightly.doit("app")
    assert nightly.ran() == {}
    assert [base["outcome"] for base in report(nightly)["bases"]] == ["unchanged"]


def test_a_base_that_fails_its_smoke_test_is_not_seen_anywhere(nightly: Workspace) -> None:
    """Exit 1 with the test and its output first; tags and lock stay."""
    report(nightly)
    tags = nightly.lab.docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    nightly.edit("images.toml", '["cat", "/base.txt"]', '["cat", "/nothing"]')
    nightly.edit("images.lock", "probe = ", 'probe = "sha256:' + "0" * 64 + '"  # was ')
    changed = nightly.read("images.lock")
    run = nightly.doit("refresh", status=1)
    assert run.out.startswith("base: failed\n  base: smoke test 'cat /nothing' ended with status 1")
    assert "/nothing" in run.out
    assert nightly.read("images.lock") == changed
    assert nightly.lab.docker("images", "--format", "{{.Repository}}:{{.Tag}}") == tags


def test_a_refresh_copies_its_upstreams(nightly: Workspace) -> None:
    """Into the project's own part of the registry, once."""
    report(nightly)
    (pin,) = lock(nightly).pins.values()
    asked = nightly.lab.requests()
    assert any(line.startswith("PUT") and f"/{nightly.name}/upstream/" in line for line in asked)
    before = len(asked)
    report(nightly)
    later = nightly.lab.requests()[before:]
    assert not [line for line in later if line.startswith(("PUT", "POST"))]
    assert str(pin.digest).startswith("sha256:")


def test_locking_copies_what_it_pins_unless_told_not_to(nightly: Workspace) -> None:
    """Builds then have it, whatever becomes of the upstream's tag."""

    def copies() -> list[str]:
        mark = f"/{nightly.name}/upstream/"
        return [line for line in nightly.lab.requests() if line.startswith("PUT") and mark in line]

    nightly.doit("lock", "--no-copy")
    assert copies() == []
    run = nightly.doit("lock")
    assert copies()
    assert "copied in" in run.err
    assert "1 upstream images locked" in run.out
    before = len(copies())
    assert "copied" not in nightly.doit("lock").text
    assert len(copies()) == before
