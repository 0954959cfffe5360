"""A private engine comes, stays apart from others, comes back, and goes without a trace."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layers.engine.engine import EngineDown
from layers.host.system import this_system
from layers.runtime.events import Event, Started, silent
from layers.runtime.files import locked, read_json
from layers.setup import choose
from layers.setup.endpoint import Endpoint
from layers.setup.private.packages import bring
from layers.setup.private.paths import Places
from layers.setup.private.processes import Process, serving
from layers.setup.status import status

pytestmark = pytest.mark.e2e

Checkout = Callable[[str], str]
HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No engine of the machine answers, so that the private one is what is tested."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("layers.setup.addresses.DEFAULT_SOCKET", str(tmp_path / "none.sock"))


@pytest.fixture(scope="module")
def packages() -> str:
    """The engine's packages, fetched once into the repository's own .layers."""
    return fetched("26")


@pytest.fixture(scope="module")
def packages_28() -> str:
    """The same of Docker 28."""
    return fetched("28")


def fetched(version: str) -> str:
    if os.geteuid() != 0:
        pytest.skip("a private engine needs root")
    places = Places.of(HERE)._replace(version=version)
    os.makedirs(places.engine, exist_ok=True)
    with locked(places.lock):
        bring(places, this_system(), print)
    return places.packages


@pytest.fixture
def checkout(tmp_path: Path, packages: str, alone: None) -> Iterator[Checkout]:
    """Makes checkouts with the packages at hand, and ends their engines."""
    made: list[str] = []

    def make(name: str) -> str:
        root = str(tmp_path / name)
        os.makedirs(Places.of(root).engine)
        os.symlink(packages, Places.of(root).packages)  # a copy would be 400 MB each
        made.append(root)
        return root

    yield make
    for root in made:
        os.makedirs(Places.of(root).engine, exist_ok=True)
        choose.stop(root)


def docker(engine: Endpoint, *words: str, cwd: str | None = None) -> str:
    done = subprocess.run(
        [engine.cli, *words],
        env={**os.environ, **engine.environment},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(engine: Endpoint, root: str, name: str) -> None:
    """Build a small image and push it to the private registry."""
    os.makedirs(f"{root}/context", exist_ok=True)
    with open(f"{root}/context/Dockerfile", "w", encoding="utf-8") as file:
        file.write("FROM scratch\nCOPY Dockerfile /\n")
    tag = f"{engine.registry}/{name}:1"
    docker(engine, "buildx", "build", "-q", "--provenance=false", "-t", tag, f"{root}/context")
    docker(engine, "push", "-q", tag)


def tags(engine: Endpoint, name: str) -> bytes:
    with urllib.request.urlopen(f"http://{engine.registry}/v2/{name}/tags/list") as answer:
        return bytes(answer.read())


def kill(root: str, program: str) -> None:
    """Kill a server of the checkout at ``root`` without a word, and wait until it is gone."""
    (process,) = serving(Places.of(root).run)[program]
    process.send(signal.SIGKILL)
    gone = threading.Event()
    while process.alive():
        gone.wait(0.02)


def trace(root: str) -> list[str]:
    """What of the engine at ``root`` is still on the machine."""
    places = Places.of(root)
    left = [path for path in (places.run, places.socket) if os.path.exists(path)]
    left += glob.glob(f"/sys/class/net/{places.bridge}")
    left += list(serving(places.run))
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        left += [line for line in file if places.root in line or places.run in line]
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
    return left + [line for line in rules.splitlines() if places.chain in line]


def test_two_checkouts_do_not_collide(checkout: Checkout) -> None:
    """Both build and push at once; one is stopped without a trace, and the other lives on."""
    a, b = checkout("a"), checkout("b")
    first = choose.ensure(a, silent)
    # A copied state, as `cp -r` of a running checkout makes it, is no obstacle.
    shutil.copy(Places.of(a).settings, Places.of(b).settings)
    shutil.copy(Places.of(a).running, Places.of(b).running)
    second = choose.ensure(b, silent)
    assert first.private
    assert second.private
    assert first.host != second.host
    assert first.registry != second.registry
    pools = [read_json(Places.of(root).settings)["pool"] for root in (a, b)]
    assert pools[0] != pools[1]
    build(first, a, "only/a")
    build(second, b, "only/b")
    assert "only/b" not in docker(first, "images")

    assert choose.stop(b)
    assert not choose.stop(b)
    assert trace(b) == []
    with pytest.raises(EngineDown):
        choose.endpoint(b)
    assert choose.endpoint(a) == first
    assert b'"1"' in tags(first, "only/a")


def test_killed_servers_come_back_with_their_data(checkout: Checkout) -> None:
    """After kill -9 of engine or registry the next need brings up what is missing, and no more."""
    root = checkout("a")
    engine = choose.ensure(root, silent)
    build(engine, root, "kept")
    before = serving(Places.of(root).run)

    kill(root, "docker-registry")
    with pytest.raises(EngineDown):
        choose.endpoint(root)
    assert choose.ensure(root, silent) == engine
    assert serving(Places.of(root).run)["dockerd"] == before["dockerd"]
    assert b'"1"' in tags(engine, "kept")

    kill(root, "dockerd")
    with pytest.raises(EngineDown):
        choose.endpoint(root)
    assert choose.ensure(root, silent) == engine
    assert "kept" in docker(engine, "images")
    with open(Places.of(root).registry_log, encoding="utf-8") as file:
        assert any('"PUT /v2/kept/manifests/1' in line for line in file)
    choose.stop(root)
    assert trace(root) == []


def test_an_engine_of_a_vanished_checkout_is_ended(checkout: Checkout) -> None:
    """Its folder is deleted while it runs; the next start anywhere reclaims all that it held."""
    gone = checkout("gone")
    choose.ensure(gone, silent)
    shutil.rmtree(f"{gone}/.layers", ignore_errors=True)
    other = choose.ensure(checkout("other"), silent)
    assert trace(gone) == []
    assert docker(other, "version", "--format", "{{.Server.Version}}")


def test_another_kind_takes_the_place_of_the_first(checkout: Checkout, packages_28: str) -> None:
    """Docker 28 with the classic store, asked for once, stays; each kind keeps its own images."""
    root = checkout("a")
    os.symlink(packages_28, Places.of(root)._replace(version="28").packages)
    first = choose.ensure(root, silent)
    build(first, root, "kept")

    other = choose.ensure(root, silent, {"version": "28", "store": "classic"})
    assert docker(other, "version", "--format", "{{.Server.Version}}").startswith("28.")
    assert docker(other, "info", "--format", "{{.Driver}}") in ("overlay2", "vfs")
    assert "kept" not in docker(other, "images")
    assert len(serving(Places.of(root).run)["dockerd"]) == 1
    assert b'"1"' in tags(other, "kept")
    build(other, root, "later")

    choose.stop(root)
    assert trace(root) == []
    assert choose.ensure(root, silent) == other
    assert "later" in docker(other, "images")
    told = status(root)
    assert (told.store, (told.version or "")[:3]) == ("classic", "28.")

    again = choose.ensure(root, silent, {"version": "26", "store": "containerd"})
    assert again == first
    assert "kept" in docker(again, "images")


def test_starting_twice_at_once_starts_one(checkout: Checkout) -> None:
    """Processes that need the engine at the same time wait for one another."""
    root = checkout("a")
    events: list[Event] = []
    found: list[Endpoint] = []
    threads = [
        threading.Thread(target=lambda: found.append(choose.ensure(root, events.append)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(map(repr, found))) == 1
    assert sum(isinstance(event, Started) for event in events) == 1
    assert len(serving(Places.of(root).run)["dockerd"]) == 1


def test_another_dockerd_is_left_alone(checkout: Checkout) -> None:
    """Start and stop change no rule, no bridge and no process of anybody else."""

    def others() -> tuple[list[str], list[str], list[str]]:
        rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
        kept = [
            line.partition(" [")[0]
            for line in rules.splitlines()
            if not line.startswith("#") and "DOIT-LAYERS-" not in line
        ]
        links = [name for name in os.listdir("/sys/class/net") if not name.startswith("dl-")]
        links = [name for name in links if not name.startswith("veth")]
        engines = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            process = Process.of(int(pid))
            words = process.words() if process else []
            ours = any(word.startswith("/run/doit-layers-") for word in words)
            if words and os.path.basename(words[0]) == "dockerd" and not ours:
                engines.append(pid)
        return kept, sorted(links), sorted(engines)

    root = checkout("a")
    before = others()
    choose.ensure(root, silent)
    assert others() == before
    choose.stop(root)
    assert others() == before
