"""The registry in memory keeps the contract that the real one keeps."""

from __future__ import annotations

from functools import partial

import pytest

from layers.registry import RegistryDown, RegistryError
from tests.contracts import RegistryContract, RegistryWorld
from tests.fakes import MemoryRegistry


@pytest.fixture
def world() -> RegistryWorld:
    """A fresh registry."""
    registry = MemoryRegistry()
    repository = f"{registry.host}/contract"
    return RegistryWorld(
        registry,
        repository,
        partial(registry.put_blob, repository),
        partial(registry.put_manifest, repository),
    )


class TestMemoryRegistry(RegistryContract):
    """See `RegistryContract`."""

    def test_the_down_switch_is_never_not_there(self, world: RegistryWorld) -> None:
        """A registry that went away says so for tags that it has and has not."""
        world.image("a", "amd64")
        assert isinstance(world.registry, MemoryRegistry)
        world.registry.down = True
        with pytest.raises(RegistryDown):
            world.registry.heads([(world.repository, "a")])
        with pytest.raises(RegistryDown):
            world.registry.manifest(world.repository, "b")

    def test_trouble_is_an_error(self, world: RegistryWorld) -> None:
        """So is one that answers 503."""
        assert isinstance(world.registry, MemoryRegistry)
        world.registry.trouble = "503"
        with pytest.raises(RegistryError, match="503"):
            world.registry.heads([(world.repository, "a")])
