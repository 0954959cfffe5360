"""The real registry keeps the registry's contract through our client."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import uuid

import pytest
import requests

from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.registry.client import HttpRegistry
from tests.contracts import ABSENT, silent
from tests.contracts_registry import RegistryContract, RegistryWorld
from tests.e2e.lab import CHECKOUT, Lab

pytestmark = pytest.mark.e2e


@pytest.fixture
def world(registry_host: str) -> RegistryWorld:
    """The registry, with a repository of its own."""
    path = f"contract-{uuid.uuid4().hex[:12]}"
    base = f"http://{registry_host}/v2/{path}"

    def digest_of(content: bytes) -> Digest:
        return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")

    def put_blob(content: bytes) -> Digest:
        place = requests.post(f"{base}/blobs/uploads/").headers["Location"]
        digest = digest_of(content)
        requests.put(place, params={"digest": digest.text}, data=content).raise_for_status()
        return digest

    def put_manifest(tag: str, content: bytes, media_type: str) -> Digest:
        url = f"{base}/manifests/{tag}"
        requests.put(url, data=content, headers={"Content-Type": media_type}).raise_for_status()
        return digest_of(content)

    def lose(digest: Digest) -> None:
        requests.delete(f"{base}/blobs/{digest}").raise_for_status()

    registry = HttpRegistry(NoCredentials(), lambda host: False)
    # One registry under two names is two hosts to a client.
    elsewhere = f"localhost:{registry_host.rpartition(':')[2]}/{path}-elsewhere"
    repository = f"{registry_host}/{path}"
    return RegistryWorld(registry, repository, elsewhere, put_blob, put_manifest, lose)


class TestHttpRegistry(RegistryContract):
    """See `RegistryContract`."""

    def test_blobs_on_one_host_are_mounted(self, lab: Lab, world: RegistryWorld) -> None:
        """The registry's own log has no upload."""
        digest = world.layered("a", b"one", b"two")
        before = len(lab.requests())
        world.registry.copy(world.repository, digest, f"{world.repository}-copy", silent)
        asked = [one for one in lab.requests()[before:] if "/blobs/uploads/" in one]
        assert len(asked) == 3
        assert all(one.startswith("POST ") and "mount=" in one for one in asked)

    def test_this_registry_has_no_referrers_api(self, world: RegistryWorld) -> None:
        """Debian's docker-registry is 2.8: the fallback tag is what works there."""
        assert world.registry.referrers(world.repository, ABSENT) is None

    def test_a_copy_is_never_whole_in_memory(self, world: RegistryWorld) -> None:
        """Three layers of 64 MiB at once, in a process of its own."""
        layers = [bytes([n]) * (64 << 20) for n in range(3)]
        digest = world.layered("large", *layers)
        done = subprocess.run(
            [sys.executable, "-c", COPY, world.repository, digest.text, world.elsewhere],
            check=True,
            capture_output=True,
            text=True,
            cwd=CHECKOUT,
        )
        before, after = map(int, done.stdout.split())
        assert after - before < 24 << 10


COPY = """
import resource, sys
from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.registry.client import HttpRegistry
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
source, digest, target = sys.argv[1:]
registry = HttpRegistry(NoCredentials(), lambda host: False)
registry.tags(source)
before = peak()
registry.copy(source, Digest(digest), target, lambda done, total: None)
print(before, peak())
"""
"""Prints the most memory that the process had before and after, in KiB (getrusage(2))."""
