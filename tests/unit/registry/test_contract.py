"""The registry in memory keeps the contract that the real one keeps."""

from __future__ import annotations

from functools import partial

import pytest

from layers.registry.registry import RegistryDown, RegistryError, RegistryRefused
from tests.contracts import ABSENT, silent
from tests.contracts_registry import RegistryContract, RegistryWorld
from tests.fakes import MemoryRegistry
from tests.ocidocs import OCI_MANIFEST


@pytest.fixture
def world() -> RegistryWorld:
    """A fresh registry."""
    registry = MemoryRegistry("127.0.0.1:5000", "localhost:5000")
    repository = f"{registry.host}/contract"
    return RegistryWorld(
        registry,
        repository,
        "localhost:5000/elsewhere",
        partial(registry.put_blob, repository),
        partial(registry.put_manifest, repository),
        partial(registry.lose, repository),
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

    def test_a_registry_without_referrers_says_so(self, world: RegistryWorld) -> None:
        """And still takes manifests with a subject."""
        assert isinstance(world.registry, MemoryRegistry)
        world.registry.knows_referrers = False
        self.test_referrers_are_listed_or_unknown(world)
        assert world.registry.referrers(world.repository, ABSENT) is None

    def test_a_registry_that_does_not_delete_says_so(self, world: RegistryWorld) -> None:
        """Everything stays."""
        assert isinstance(world.registry, MemoryRegistry)
        digest = world.image("a", "amd64")
        world.registry.deletes = False
        assert world.registry.delete(world.repository, digest) is False
        assert world.manifest("a").digest == digest

    def test_a_read_only_registry_refuses(self, world: RegistryWorld) -> None:
        """Reading goes on."""
        assert isinstance(world.registry, MemoryRegistry)
        digest = world.layered("a", b"one")
        world.registry.read_only = True
        for write in (
            lambda: world.registry.put_blob(world.repository, b"x"),
            lambda: world.registry.put_manifest(world.repository, "t", b"{}", OCI_MANIFEST),
            lambda: world.registry.copy(world.repository, digest, world.elsewhere, silent),
        ):
            with pytest.raises(RegistryRefused):
                write()
        assert world.registry.tags(world.repository) == ("a",)

    def test_only_a_copy_between_hosts_sends_bytes(self, world: RegistryWorld) -> None:
        """Blobs on one host are mounted."""
        assert isinstance(world.registry, MemoryRegistry)
        digest = world.layered("a", b"one")
        world.registry.sent.clear()
        world.registry.copy(world.repository, digest, f"{world.repository}-copy", silent)
        assert world.registry.sent == []
        world.registry.copy(world.repository, digest, world.elsewhere, silent)
        assert {where for where, _ in world.registry.sent} == {world.elsewhere}
