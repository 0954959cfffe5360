"""An engine without room, or that goes away, and a checkout's own full disk."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hashes.errors import LayersError
from layers.engine.client import Client
from layers.engine.docker import DockerEngine
from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from layers.registry.copy import parts
from layers.runtime.events import silent
from layers.setup.private import lifecycle
from layers.setup.private.paths import Places
from layers.setup.private.processes import serving
from layers.setup.private.room import room_is_told
from tests.e2e.conftest import LAB, make_workspace
from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e

MB = 1_000_000


@contextlib.contextmanager
def mounted(path: Path, size: str) -> Iterator[None]:
    """A disk of its own at ``path``, as large as ``size`` says and in memory."""
    path.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@contextlib.contextmanager
def full_but(folder: Path, leave: int) -> Iterator[None]:
    """The disk at ``folder`` with ``leave`` bytes left on it."""
    status = os.statvfs(folder)
    size = status.f_bavail * status.f_frsize - leave
    ballast = folder / "ballast"
    subprocess.run(["fallocate", "--length", str(size), str(ballast)], check=True)
    try:
        yield
    finally:
        ballast.unlink()


@dataclass
class Small:
    """An engine of its own on a disk of 64 MB, and the checkout that it belongs to."""

    lab: Lab
    places: Places

    @property
    def disk(self) -> Path:
        return Path(self.places.data)


def places_of_lab(kind: dict[str, str]) -> Places:
    """Of the engine of all tests."""
    return Places.of(str(LAB)).having(kind)


@pytest.fixture(scope="module")
def small(
    lab: Lab, kind: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Small]:
    """Started as `doit` starts one, in a checkout of its own; ended with all that it holds."""
    places = Places.of(str(tmp_path_factory.mktemp("small"))).having(kind)
    with mounted(Path(places.data), "64m"):
        Path(places.packages).symlink_to(os.path.realpath(places_of_lab(kind).packages))
        endpoint = lifecycle.start(places, silent, kind)
        try:
            classic = kind["store"] == "classic"
            yield Small(Lab(endpoint, Path(places.registry_log), classic), places)
        finally:
            lifecycle.stop(places)


@pytest.fixture
def checkout(small: Small, upstream: str) -> Workspace:
    """The small stack beside that engine, with 4 MB in its base that do not compress."""
    small.lab.empty()
    name = f"t{uuid.uuid4().hex[:8]}"
    found = make_workspace(small.lab, upstream, Path(small.places.root), name)
    (found.root / "base" / "big").write_bytes(os.urandom(4 * MB))
    found.edit("base/Dockerfile", "COPY base.txt", "COPY big /big\nRUN cat /big >/b\nCOPY base.txt")
    return found


def true_in_the_end(workspace: Workspace) -> None:
    """The next run ends well, and the one after has nothing to do."""
    workspace.doit("base")
    assert workspace.image("base")
    assert "up to date" in workspace.doit("base").text


@pytest.mark.parametrize("leave", [1, 8, 14], ids=["sending", "a step", "exporting"])
def test_a_disk_that_is_full_fails_the_build_and_says_so(
    checkout: Workspace, small: Small, leave: int
) -> None:
    """Wherever it runs out; nothing gets a name, and with room again the build goes through."""
    with full_but(small.disk, leave * MB):
        run = checkout.doit("base", status=1)
    assert "the build failed" in run.text
    assert "the engine's disk is full" in run.text
    assert "docker system df" in run.text
    assert checkout.image("base") == ""
    true_in_the_end(checkout)


@pytest.mark.parametrize("leave", [0.2, 6], ids=["unpacking", "fetching"])
def test_a_disk_that_is_full_fails_the_pull_and_says_so(
    checkout: Workspace, small: Small, leave: float
) -> None:
    """It is not built instead: that would need more room yet."""
    checkout.doit("base")
    before = checkout.image("base")
    small.lab.empty()
    with full_but(small.disk, int(leave * MB)):
        run = checkout.doit("base", status=1)
    assert "cannot pull" in run.text
    assert "the engine's disk is full" in run.text
    assert checkout.ran() == {}
    assert checkout.image("base") == ""
    true_in_the_end(checkout)
    assert checkout.image("base") == before


def test_an_engine_that_is_restarted_in_a_build_is_told(checkout: Workspace, small: Small) -> None:
    """The build fails and names nothing; the next run starts the engine again, and builds."""
    checkout.edit("base/Dockerfile", "RUN cat /big", "RUN sleep 3; cat /big")
    process = subprocess.Popen(
        checkout.command("base"),
        cwd=checkout.root,
        env=checkout.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started(checkout, "sleep 3")
    for dockerd in serving(small.places.run)["dockerd"]:
        dockerd.send(signal.SIGTERM)
        while dockerd.alive():
            time.sleep(0.05)
    out = process.communicate(timeout=60)[0]
    assert process.returncode == 1, out
    assert "the engine went away in the middle of the build" in out
    assert "Traceback" not in out
    true_in_the_end(checkout)
    assert serving(small.places.run)["dockerd"]


def test_an_engine_without_room_to_start_says_how_much_there_is(
    lab: Lab, kind: dict[str, str], tmp_path: Path
) -> None:
    """Bytes and what to do; where the disk is only nearly full, beside what else it may be."""
    places = Places.of(str(tmp_path)).having(kind)
    with mounted(Path(places.data), "1m"):
        Path(places.packages).symlink_to(os.path.realpath(places_of_lab(kind).packages))
        try:
            with full_but(Path(places.data), 0), pytest.raises(LayersError) as full:
                lifecycle.start(places, silent, kind)
        finally:
            lifecycle.stop(places)
        with pytest.raises(LayersError) as other, room_is_told(places):
            raise LayersError("no archive", hint="by hand")
    assert (
        f"no room for the private engine: 0 B (0 bytes) are free on the disk of {places.data}"
        in (str(full.value))
    )
    assert "no space left on device" in str(full.value)
    assert f"make room there, then run again; {places.data}" in full.value.hint
    assert re.search(r"no archive\n.*free on the disk of .*; if that is why:", str(other.value))
    assert other.value.hint.endswith("else: by hand")


def test_layers_that_a_container_holds_are_fetched_all_the_same(lab: Lab, tmp_path: Path) -> None:
    """Removed by force and pulled again, Docker 28 fetches them not, nor the configuration."""
    name = f"{lab.registry}/t{uuid.uuid4().hex[:8]}:1"
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\nLABEL a=b\n")
    lab.docker("buildx", "build", "--provenance=false", "--tag", name, str(tmp_path))
    lab.docker("push", name)
    client = Client(lab.endpoint.host, lab.endpoint.environment)
    registry = HttpRegistry(NoCredentials(), insecure=lambda _host: False)
    engine = DockerEngine(client, registry=lambda: registry)
    held = engine.find([name])[name]
    pinned = f"{name.removesuffix(':1')}@{held.digest}"
    container = lab.docker("create", name, "none")
    try:
        lab.docker("image", "rm", "--force", str(held.id), check=False)
        lab.docker("builder", "prune", "--all", "--force")
        assert engine.pull(pinned, lambda _done, _all: None).labels == {"a": "b"}
        lab.docker("save", "--output", str(tmp_path / "all"), str(held.id))
        manifest = registry.manifest(*pinned.split("@"))
        about = engine.about()
        tells = int(about.version.partition(".")[0]) >= 28  # what is not there, API 1.48 on
        if manifest is not None and about.keeps_manifests and tells:
            with tarfile.open(tmp_path / "all") as saved:
                blobs = {f"sha256:{each.name.rpartition('/')[2]}" for each in saved}
            assert {part.digest.text for part in parts(manifest.content, name)} <= blobs
    finally:
        lab.docker("rm", container)
    engine.untag(pinned)


def started(workspace: Workspace, text: str) -> None:
    """Wait until BuildKit's record of the base shows that a step started."""
    record = workspace.root / ".layers" / "logs" / "base" / "build.rawjson"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        told = record.read_text() if record.exists() else ""
        if '"started"' in told.partition(text)[2]:
            return
        time.sleep(0.05)
    raise AssertionError(f"{text!r} never started")


@pytest.mark.parametrize("leave", [0, 4096, 20_000])
def test_a_full_disk_of_the_checkout_is_no_bug(workspace: Workspace, leave: int) -> None:
    """Status 1 and what to do, whichever file it hits; with room again all is made."""
    own = workspace.root / ".layers"
    with mounted(own, "256k"):
        with full_but(own, leave):
            run = workspace.doit("base", status=1)
            assert "no space left on the disk of this checkout" in run.text
            assert "make room" in run.text
            assert "bug" not in run.text
            assert workspace.image("base") == ""
            assert workspace.doit("list", status=None).status in (0, 1)
        true_in_the_end(workspace)
