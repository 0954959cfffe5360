"""The engine's containers keep the contract, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.engine.client import Client
from layers.engine.containers import KEPT, LABEL_UNTIL
from layers.engine.docker_containers import EngineContainers
from layers.refresh.image_diff import LayerSize, layer_sizes
from layers.refresh.inventory import Package, read_inventory
from tests.contract_containers import ContainersContract, ContainersWorld
from tests.e2e.lab import CHECKOUT, Lab

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def image(lab: Lab, upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The contract's image, with packages of three managers beside."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "one").write_text("1\n")
    (folder / "Dockerfile").write_text(
        f"FROM {upstream}\n"
        "RUN mkdir -p /etc/more /var/lib/dpkg /lib/apk/db"
        " /opt/venv/lib/python3.11/site-packages/My_Pkg-2.0.dist-info"
        " && echo 2 > /etc/more/two && ln -s one /etc/link"
        " && printf 'Package: libc6\\nStatus: install ok installed\\nVersion: 2.36-9\\n'"
        " > /var/lib/dpkg/status"
        " && printf 'P:musl\\nV:1.2.4-r2\\n' > /lib/apk/db/installed"
        " && printf 'Metadata-Version: 2.1\\nName: My_Pkg\\nVersion: 2.0\\n\\nName: no\\n'"
        " > /opt/venv/lib/python3.11/site-packages/My_Pkg-2.0.dist-info/METADATA\n"
        "COPY one /etc/one\n"
        'ENTRYPOINT ["false"]\n'
    )
    name = f"contract-{uuid.uuid4().hex[:12]}:1"
    lab.docker("buildx", "build", "--load", "--provenance=false", "--tag", name, str(folder))
    yield name
    lab.docker("image", "rm", "--force", name)


@pytest.fixture
def world(lab: Lab, image: str, tmp_path: Path) -> Iterator[ContainersWorld]:
    """The lab's engine; whatever ran, no container is left there."""
    containers = EngineContainers(Client(lab.endpoint.host, os.environ))
    stopped = EngineContainers(Client(f"unix://{tmp_path}/none.sock", os.environ))
    yield ContainersWorld(containers, stopped, image)
    assert ours(lab) == []


def ours(lab: Lab) -> list[str]:
    """Containers of ours, in any state."""
    return lab.docker("ps", "--all", "--quiet", "--filter", f"label={LABEL_UNTIL}").split()


class TestEngineContainers(ContainersContract):
    """See `ContainersContract`."""

    def test_much_output_is_kept_in_part(self, world: ContainersWorld) -> None:
        """The end of it, in order, from both streams."""
        script = "seq 300000; seq 300000 >&2; echo end; echo fin >&2; exit 7"
        ran = world.containers.run(world.image, ["sh", "-c", script])
        assert (ran.status, len(ran.output), len(ran.errors)) == (7, KEPT, KEPT)
        assert ran.output.endswith("299999\n300000\nend\n")
        assert ran.errors.endswith("299999\n300000\nfin\n")

    def test_nothing_is_read_from_us(self, world: ContainersWorld) -> None:
        """A command that asks a question gets the end of its input."""
        ran = world.containers.run(world.image, ["sh", "-c", "cat; echo over"], timeout=20)
        assert ran.output == "over\n"

    def test_the_inventory_finds_packages_of_all_managers(self, world: ContainersWorld) -> None:
        """In a virtual environment too; with a shell and without one."""
        expected = (
            Package("apk", "musl", "1.2.4-r2"),
            Package("dpkg", "libc6", "2.36-9"),
            Package("pip", "my-pkg", "2.0"),
        )
        assert read_inventory(world.containers, world.image) == expected

    def test_layer_sizes_leave_settings_out(self, world: ContainersWorld) -> None:
        """The newest layer is the copy."""
        sizes = layer_sizes(world.containers, world.image)
        assert sizes[-1] == LayerSize("COPY one /etc/one", sizes[-1].size)
        assert all(one.size for one in sizes)
        assert sizes[-2].created_by.startswith("RUN mkdir -p /etc/more")

    def test_leftovers_are_removed_after_their_time(self, world: ContainersWorld, lab: Lab) -> None:
        """Not before: another run may have just made them."""
        for until in (0, int(time.time()) + 1000):
            lab.docker("create", "--label", f"{LABEL_UNTIL}={until}", world.image)
        world.containers.history(world.image)
        world.containers.run(world.image, ["echo"])
        (kept,) = ours(lab)
        lab.docker("rm", kept)

    @pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
    def test_an_interrupted_run_leaves_no_container(
        self, world: ContainersWorld, lab: Lab, kill: signal.Signals
    ) -> None:
        """Ctrl-C removes it at once; after kill -9 it removes itself when its command ends."""
        program = (
            "import os, signal, sys\n"
            "from layers.engine.docker_containers import EngineContainers\n"
            "from layers.engine.client import Client\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            f"EngineContainers(Client({lab.endpoint.host!r}, os.environ))"
            f".run({world.image!r}, ['sleep', '4'])\n"
        )
        running = subprocess.Popen(
            [sys.executable, "-c", program], cwd=CHECKOUT, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while not lab.docker("ps", "--quiet", "--filter", f"label={LABEL_UNTIL}"):
            assert time.monotonic() < deadline
        os.kill(running.pid, kill)
        running.wait(20)
        while ours(lab):
            assert time.monotonic() < deadline
            time.sleep(0.2)
