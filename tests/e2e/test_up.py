"""``doit up`` and ``doit down``: the snowboard stack, from its images to services that answer."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.request import Request, urlopen

import pytest

from layers.compose.compose import Files
from layers.compose.docker_compose import DockerCompose
from layers.setup.endpoint import Endpoint
from tests.e2e.lab import CHECKOUT
from tests.e2e.stacks import ask

pytestmark = pytest.mark.e2e

SERVICES = ("backend-api", "frontend", "pose-service")
APP = "images/snowboard/pose-service/app.py"
PORTS = (
    *("SNOWBOARD_POSE_PORT", "SNOWBOARD_BACKEND_PORT", "SNOWBOARD_FRONTEND_PORT"),
    *("SAFETY_BACKEND_PORT", "SAFETY_FRONTEND_PORT", "POSTURA_PORT"),
)
DEV = "images/snowboard/compose.dev.yaml"


class Snowboard(Protocol):
    """The built stack, as the fixture of conftest.py gives it."""

    endpoint: Endpoint

    def docker(self, *words: str) -> str:
        """Run the docker CLI against the engine that has the stack."""


@dataclass
class Copy:
    """The files of the stack in a checkout of their own, on the engine that has its images."""

    root: Path
    project: str
    stack: Snowboard

    def doit(self, *words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        """A command of doit here, on free ports."""
        ports = dict.fromkeys(PORTS, "0")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LAYERS_")}
        done = subprocess.run(
            [sys.executable, "-m", "doit", "profile=local", *words],
            cwd=self.root,
            env={
                **clean,
                **self.stack.endpoint.environment,
                **ports,
                "PYTHONPATH": str(CHECKOUT),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def up(self, *words: str, name: str = "snowboard") -> dict[str, Any]:
        """``doit up --json``: what it tells of each service of a stack."""
        told = json.loads(self.doit("up", "--json", name, *words).stdout)
        (stack,) = told["stacks"]
        assert (stack["name"], stack["project"]) == (name, f"{self.project}-{name}")
        return {one["name"]: one for one in stack["services"]}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace some text that must be there."""
        text = (self.root / path).read_text()
        assert old in text
        (self.root / path).write_text(text.replace(old, new))

    @property
    def pinned(self) -> str:
        """What stands behind the name of an image that compose was given, as a pattern.

        The classic store knows no digest of what was never in a registry: there the key is all,
        and it names the very image, whatever the plain name comes to point at.
        """
        told = self.stack.docker("info", "--format", "{{json .DriverStatus}}")
        by_digest = "io.containerd.snapshotter" in told
        return r":xxh3-[0-9a-f]{32}" + (r"@sha256:[0-9a-f]{64}" if by_digest else "")

    def inside(self, container: str, *words: str) -> str:
        """What a command in a container prints."""
        return self.stack.docker("exec", container, *words)


@pytest.fixture(scope="module")
def copy(snowboard: Snowboard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    root = tmp_path_factory.mktemp("up") / "repo"
    name = f"t{uuid.uuid4().hex[:8]}"
    shutil.copytree(CHECKOUT / "images", root / "images")
    shutil.copy(CHECKOUT / "dodo.py", root)
    spec = (CHECKOUT / "images.toml").read_text()
    (root / "images.toml").write_text(spec.replace('name = "snowboard"', f'name = "{name}"', 1))
    found = Copy(root, name, snowboard)
    try:
        yield found
    finally:
        shutil.copy(CHECKOUT / APP, root / APP)
        found.doit("down", "snowboard", "--volumes")
        found.doit("pose-service")  # the plain name goes back to what the checkout has


@pytest.fixture(scope="module")
def first(copy: Copy) -> dict[str, Any]:
    """The stack as it came up from nothing."""
    return copy.up()


def test_every_service_is_well_and_answers(first: dict[str, Any]) -> None:
    """At the addresses that were told; the frontend reaches the pose service through the API."""
    assert {name: one["state"] for name, one in first.items()} == dict.fromkeys(SERVICES, "healthy")
    at = {name: one["addresses"][0] for name, one in first.items()}
    for name in SERVICES:
        assert ask(f"{at[name]}/health").json()["status"] == "ok"
    for url in (f"{at['pose-service']}/pose", f"{at['frontend']}/api/pose"):
        asked = Request(url, b'{"betas": [2]}', {"content-type": "application/json"})
        with urlopen(asked, timeout=30) as answer:
            assert len(json.load(answer)["joints"]) == 24
    assert ask(f"{at['backend-api']}/api/pose/health").json()["service"] == "pose-service"
    assert ask(f"{at['frontend']}/api/pose/health").json()["service"] == "pose-service"
    assert re.search(rb'src="/assets/index-[\w-]{8}\.js"', ask(f"{at['frontend']}/").body)


def test_images_are_pinned_by_key_and_digest(copy: Copy, first: dict[str, Any]) -> None:
    """Compose was given the digest, which the engine found without a registry."""
    for name in SERVICES:
        image = f"snowboard-{name}"
        told = first[name]["image"]
        assert re.fullmatch(image + copy.pinned, told)
        identity, runs = (
            copy.stack.docker(*words)
            for words in (
                ("image", "inspect", "--format", "{{.Id}}", image),
                ("inspect", "--format", "{{.Image}}", first[name]["container"]),
            )
        )
        assert runs == identity
        assert "@" not in told or told.endswith(identity)
        assert first[name]["layer"] == name


def test_a_second_up_leaves_all_alone(copy: Copy, first: dict[str, Any]) -> None:
    """The same containers, within seconds."""
    begin = time.monotonic()
    again = copy.up()
    assert time.monotonic() - begin < 10
    assert {n: one["container"] for n, one in again.items()} == {
        n: one["container"] for n, one in first.items()
    }


def test_an_edit_replaces_that_service_alone(copy: Copy, first: dict[str, Any]) -> None:
    """Though two others need it; its cached models outlive it."""
    copy.inside(first["pose-service"]["container"], "touch", "/app/cache/model.bin")
    copy.edit(APP, 'service="pose-service"', 'service="pose-service edited"')
    after = copy.up()
    changed = {n for n in SERVICES if after[n]["container"] != first[n]["container"]}
    assert changed == {"pose-service"}
    health = ask(f"{after['frontend']['addresses'][0]}/api/pose/health").json()
    assert health["service"] == "pose-service edited"
    assert copy.inside(after["pose-service"]["container"], "ls", "/app/cache") == "model.bin"


def test_what_a_broken_service_printed_is_shown(copy: Copy, first: dict[str, Any]) -> None:
    """Status 1, the service's name and its last lines."""
    copy.edit(APP, "    from waitress import serve\n", '    sys.exit("no snow today")\n')
    done = copy.doit("up", "snowboard", status=1)
    assert "snowboard: pose-service ended with 1" in done.stderr
    assert "    | no snow today" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    copy.edit(APP, '    sys.exit("no snow today")\n', "    from waitress import serve\n")
    assert copy.up()["pose-service"]["state"] == "healthy"


def test_sources_of_the_checkout_are_loaded_again_when_they_change(copy: Copy) -> None:
    """With the file for development laid over the stack's own; nothing is built."""
    up = copy.up("--with", DEV)
    assert up["frontend"]["layer"] == "frontend:deps"
    at = {name: one["addresses"][0] for name, one in up.items()}
    assert b"/src/main.jsx" in ask(f"{at['frontend']}/").body
    copy.edit(APP, 'service="pose-service edited"', 'service="pose-service reloaded"')
    copy.edit("images/snowboard/backend-api/src/app.js", '"backend-api"', '"backend reloaded"')
    copy.edit("images/snowboard/frontend/index.html", "<title>", "<title>reloaded ")
    wanted = {
        "pose-service": ("/health", b"pose-service reloaded"),
        "backend-api": ("/health", b"backend reloaded"),
        "frontend": ("/", b"<title>reloaded "),
    }
    end = time.monotonic() + 30
    while wanted and time.monotonic() < end:
        for name, (path, text) in [*wanted.items()]:
            try:
                if text in ask(at[name] + path).body:
                    del wanted[name]
            except OSError:  # it is just being started again
                pass
        time.sleep(0.3)
    assert wanted == {}


@pytest.mark.parametrize(
    ("stack", "states", "paths"),
    [
        (
            "safety",
            {"backend": "healthy", "frontend": "healthy", "yolov8-model": "healthy"},
            {"backend": "/stats", "frontend": "/health"},
        ),
        ("postura", {"api": "healthy"}, {"api": "/healthz"}),
    ],
)
def test_the_other_stacks_come_up_and_go(
    copy: Copy, stack: str, states: dict[str, str], paths: dict[str, str]
) -> None:
    """Made and started by the same command."""
    up = copy.up(name=stack)
    try:
        assert {name: one["state"] for name, one in up.items()} == states
        assert all(one["layer"] for one in up.values())
        assert all(re.search(copy.pinned + "$", one["image"]) for one in up.values())
        for name, path in paths.items():
            assert ask(up[name]["addresses"][0] + path).status == 200
    finally:
        copy.doit("down", stack, "--volumes")


def test_only_the_pose_service_reserves_a_gpu(copy: Copy) -> None:
    """And in the local profile none does."""
    composer = DockerCompose(copy.stack.endpoint, str(copy.root))
    folder = copy.root / "images" / "snowboard"
    plain, local = (str(folder / name) for name in ("compose.yaml", "compose.local.yaml"))

    def reserving(*paths: str) -> list[str]:
        told = composer.config(Files("x", paths))["services"]
        assert sorted(told) == [*SERVICES]
        return [name for name, one in told.items() if "gpu" in json.dumps(one.get("deploy"))]

    assert reserving(plain) == ["pose-service"]
    assert reserving(plain, local) == []


def test_down_takes_it_away_and_may_be_said_twice(copy: Copy) -> None:
    """Volumes stay unless they are asked for."""
    told = json.loads(copy.doit("down", "--json", "snowboard").stdout)
    assert sorted(told["stacks"][0]["removed"]) == [*SERVICES]
    assert copy.doit("down", "snowboard").stdout == "snowboard: nothing was up\n"
    label = f"label=com.docker.compose.project={copy.project}-snowboard"
    assert copy.stack.docker("ps", "--all", "--quiet", "--filter", label) == ""
    assert copy.stack.docker("volume", "ls", "--quiet", "--filter", label) != ""
    copy.doit("down", "snowboard", "--volumes")
    assert copy.stack.docker("volume", "ls", "--quiet", "--filter", label) == ""
