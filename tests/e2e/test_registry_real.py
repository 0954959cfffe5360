"""The real registry keeps the registry's contract through our client."""

from __future__ import annotations

import hashlib
import uuid

import pytest
import requests

from layers.credentials import NoCredentials
from layers.digest import Digest
from layers.httpregistry import HttpRegistry
from tests.contracts import RegistryContract, RegistryWorld

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
        digest = digest_of(content)
        url = f"{base}/manifests/{tag or digest.text}"
        requests.put(url, data=content, headers={"Content-Type": media_type}).raise_for_status()
        return digest

    registry = HttpRegistry(NoCredentials(), lambda host: False)
    return RegistryWorld(registry, f"{registry_host}/{path}", put_blob, put_manifest)


class TestHttpRegistry(RegistryContract):
    """See `RegistryContract`."""
