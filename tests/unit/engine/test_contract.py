"""The engine in memory keeps the contract that the real one keeps."""

from __future__ import annotations

import pytest

from layers.engine.engine import EngineError
from tests.contracts import EngineContract, EngineWorld, silent
from tests.fakes import MemoryEngine, MemoryRegistry


@pytest.fixture(params=["containerd", "classic"])
def world(request: pytest.FixtureRequest) -> EngineWorld:
    """A fresh engine and registry."""
    registry = MemoryRegistry()
    engine = MemoryEngine(registry, classic=request.param == "classic")
    stopped = MemoryEngine(registry)
    stopped.down = True
    return EngineWorld(engine, stopped, registry, f"{registry.host}/contract", engine.build)


class TestMemoryEngine(EngineContract):
    """See `EngineContract`."""

    def forget(self, world: EngineWorld) -> None:
        """Drop all content without a name, as containerd's garbage collection does."""
        assert isinstance(world.engine, MemoryEngine)
        world.engine._content = {}

    def test_a_full_disk_leaves_nothing(self, world: EngineWorld) -> None:
        """Neither name nor image of a pull that failed is there."""
        world.build(f"{world.repository}:t", "one", {}, False)
        digest = world.engine.push(f"{world.repository}:t", silent)
        world.engine.untag(f"{world.repository}:t")
        assert isinstance(world.engine, MemoryEngine)
        world.engine.full = True
        with pytest.raises(EngineError, match="no space left"):
            world.engine.pull(f"{world.repository}@{digest}", silent)
        assert world.engine.find([f"{world.repository}@{digest}"]) == {}
