"""Fixtures on the real engine and the real registry, which the project's own set-up starts."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from layers.adopt.sources.programs import Programs, find_programs
from layers.host.system import this_system
from layers.runtime.events import silent
from layers.runtime.files import locked
from layers.setup.choose import ensure
from layers.setup.endpoint import Endpoint
from layers.setup.private import lifecycle
from layers.setup.private.packages import bring
from layers.setup.private.paths import Places
from tests.anew import anew, is_full
from tests.e2e.lab import CHECKOUT, Lab, Workspace, lab_folder

LAB = lab_folder("lab")
ROOM = 20 << 30
"""Bytes free below which engines are emptied between files, of which one takes 1 GB at most."""
RUNNING: list[Lab] = []
KIND = {"version": "engine", "store": "store"}

SMALL_STACK = {
    "images.toml": """\
version = 1

[project]
name = "NAME"
assemble = false
[images.base]
context = "base"
tag = "NAME-base"
push = true

[images.app]
context = "app"
tag = "NAME-app"
push = true
push_stages = ["deps"]

[images.other]
context = "other"
tag = "NAME-other"
""",
    "dodo.py": "from layers.tasks import DOIT_CONFIG, task_layers\n",
    "base/Dockerfile": """\
FROM UPSTREAM
RUN echo system of NAME > /system
COPY base.txt /base.txt
""",
    "base/base.txt": "base 1\n",
    "app/Dockerfile": """\
# The order of a service: dependencies, code, what runs.
FROM NAME-base AS deps
COPY requirements.txt /requirements.txt
RUN cp /requirements.txt /installed

FROM deps AS build
COPY app.py /src/app.py
RUN cp /src/app.py /built

FROM NAME-base AS runtime
COPY --from=deps /installed /installed
COPY --from=build /built /app.py
CMD ["cat", "/app.py"]
""",
    "app/requirements.txt": "flask==3.0\n",
    "app/app.py": "print(1)\n",
    "app/.dockerignore": "*.log\n",
    "other/Dockerfile": "FROM UPSTREAM\nCOPY other.txt /NAME.txt\n",
    "other/other.txt": "other 1\n",
}
"""A base, a service of three stages on it, and an image that shares nothing with them: BuildKit
builds them, and nothing is left for the next edit, which would take its time at every push."""


@pytest.fixture(scope="session")
def kind(pytestconfig: pytest.Config) -> dict[str, str]:
    """Version and store of the tests' own engines, as `lifecycle.start` takes them."""
    return {name: pytestconfig.getoption(f"--{option}") for name, option in KIND.items()}


@pytest.fixture(scope="session")
def lab(kind: dict[str, str], pytestconfig: pytest.Config) -> Iterator[Lab]:
    """An engine of the tests' own, whatever else runs here; packages are shared with ours."""
    with started(LAB, kind, keep=pytestconfig.getoption("--keep-labs")) as found:
        yield found


@contextlib.contextmanager
def started(root: Path, kind: dict[str, str], *, keep: bool = False) -> Iterator[Lab]:
    """An engine of some kind below ``root``, for as long as the block runs.

    Its images and those of its registry go with it unless they are to be kept; what a run that
    was killed has left goes before.
    """
    if os.geteuid() != 0:
        pytest.fail("the tests start an engine of their own, and that needs root")
    ours, theirs = (Places.of(str(each)).having(kind) for each in (CHECKOUT, root))
    os.makedirs(ours.engine, exist_ok=True)
    with locked(ours.lock):
        bring(ours, this_system(), print)
    if not keep:
        removed(theirs)
    packages = Path(theirs.packages)
    if not packages.exists():
        packages.parent.mkdir(parents=True, exist_ok=True)
        packages.symlink_to(ours.packages)
    endpoint = lifecycle.start(theirs, silent, kind)
    found = Lab(endpoint, Path(theirs.registry_log), kind["store"] == "classic")
    RUNNING.append(found)
    try:
        yield found
    finally:
        RUNNING.remove(found)
        lifecycle.stop(theirs)
        if not keep:
            removed(theirs)


@pytest.fixture(scope="module", autouse=True)
def _room() -> Iterator[None]:
    """Where disk or build cache fill up, what a file's tests made goes with them."""
    yield
    full = shutil.disk_usage(CHECKOUT).free < ROOM
    for each in RUNNING:
        if full or is_full(each.endpoint):
            anew(each.endpoint)


def removed(places: Places) -> None:
    """End an engine and delete all that it and its registry hold."""
    lifecycle.stop(places)
    shutil.rmtree(f"{places.root}/.layers", ignore_errors=True)
    with contextlib.suppress(OSError):  # something else is in it
        os.rmdir(places.root)


@pytest.fixture(scope="session")
def snowboard() -> Snowboard:
    """The snowboard stack of this checkout, made true by its own command."""
    command = [sys.executable, "-m", "doit", "profile=local"]
    subprocess.run([*command, "pose-service", "backend-api", "frontend"], cwd=CHECKOUT, check=True)
    return Snowboard(ensure(str(CHECKOUT), silent))


class Snowboard:
    """Starts services of the built stack."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def docker(self, *words: str) -> str:
        """Run the docker CLI against the engine that has the stack."""
        environment = {**os.environ, **self.endpoint.environment}
        done = subprocess.run(
            [self.endpoint.cli, *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    @contextlib.contextmanager
    def run(self, image: str, port: int) -> Iterator[str]:
        """A container of a service; the base URL of its port once ``/health`` answers."""
        name = f"snowboard-{image}:latest"
        container = self.docker("run", "--detach", "--publish", f"127.0.0.1::{port}", name)
        try:
            address = self.docker("port", container, str(port)).splitlines()[0]
            wait_for(f"http://{address}/health", lambda: self.docker("logs", container))
            yield f"http://{address}"
        finally:
            self.docker("rm", "--force", "--volumes", container)


def wait_for(url: str, logs: Callable[[], str]) -> None:
    """Wait until something answers at ``url``, whatever its status."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"nothing answers at {url}:\n{logs()}")


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Compose and buildx of the private engine's packages; no engine runs for them."""
    ours = Places.of(str(CHECKOUT))
    os.makedirs(ours.engine, exist_ok=True)
    with locked(ours.lock):
        bring(ours, this_system(), print)
    found = find_programs(ours.packages)
    assert found.compose
    assert found.bake
    return found


@pytest.fixture(scope="session")
def engine_host(lab: Lab) -> str:
    """The lab's engine, as DOCKER_HOST has it."""
    return lab.endpoint.host


@pytest.fixture(scope="session")
def registry_host(lab: Lab) -> str:
    """The lab's registry, ``127.0.0.1:port``."""
    return lab.registry


@pytest.fixture(scope="session")
def upstream(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small upstream image with a shell, in the lab's registry: busybox from Debian."""
    return busybox(lab, tmp_path_factory.mktemp("busybox"))


def busybox(lab: Lab, folder: Path) -> str:
    """Make it in ``folder``, and push it; its name."""
    subprocess.run(
        ["apt-get", "download", "busybox-static"], cwd=folder, check=True, capture_output=True
    )
    package = next(folder.glob("*.deb"))
    subprocess.run(["dpkg", "-x", package.name, "root"], cwd=folder, check=True)
    (folder / "Dockerfile").write_text(
        "FROM scratch\n"
        "COPY root/bin/busybox /bin/busybox\n"
        'RUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
        "ENV PATH=/bin\n"
    )
    name = f"{lab.registry}/upstream/busybox:1"
    lab.docker("buildx", "build", "--provenance=false", "--tag", name, str(folder))
    lab.docker("push", name)
    return name


@pytest.fixture
def workspace(lab: Lab, upstream: str, tmp_path: Path) -> Workspace:
    """The small stack in a repository of its own, under names that nobody else uses."""
    return make_workspace(lab, upstream, tmp_path / "repo", f"t{uuid.uuid4().hex[:8]}")


@pytest.fixture
def clone(lab: Lab, upstream: str, tmp_path: Path) -> Callable[[Workspace], Workspace]:
    """Makes a second checkout of a workspace: same files and names, no ``.layers``."""

    def copy(of: Workspace) -> Workspace:
        root = tmp_path / f"clone{uuid.uuid4().hex[:4]}"
        subprocess.run(["cp", "-r", str(of.root), str(root)], check=True)
        subprocess.run(["rm", "-rf", str(root / ".layers")], check=True)
        return Workspace(lab, root, of.name, dict(of.environment))

    return copy


def make_workspace(lab: Lab, upstream: str, root: Path, name: str) -> Workspace:
    """The small stack below ``root``."""
    found = Workspace(lab, root, name)
    found.write(
        {
            path: text.replace("NAME", name).replace("UPSTREAM", upstream)
            for path, text in SMALL_STACK.items()
        }
    )
    return found
