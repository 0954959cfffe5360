"""Containers in memory keep the contract that the engine's keep."""

from __future__ import annotations

import pytest

from tests.contract_containers import ContainersContract, ContainersWorld
from tests.fakes_containers import MemoryContainers, MemoryImage


@pytest.fixture
def world() -> ContainersWorld:
    """One image."""
    image = MemoryImage(
        {"/etc/one": b"1\n", "/etc/more/two": b"2\n"},
        (("COPY one /etc/one # buildkit", 2), ('ENTRYPOINT ["false"]', 0)),
    )
    stopped = MemoryContainers()
    stopped.down = True
    return ContainersWorld(MemoryContainers({"contract:1": image}), stopped, "contract:1")


class TestMemoryContainers(ContainersContract):
    """See `ContainersContract`."""
