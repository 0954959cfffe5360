"""Trunks that are lost, damaged, cut off or pushed over: no image upon them is wrong."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator

import pytest

from layers.assemble.listing import Listing
from layers.assemble.trees.record import members
from layers.graph.graph import Layer
from layers.oci.artifact import INDEX_TYPE, MANIFEST_TYPE, fallback_tag
from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.plan.tails import tail_of, trunk_of
from layers.project.project import Project
from layers.registry import referrers
from layers.registry.client import HttpRegistry
from layers.registry.layer_records import Shelf, fetch, store, which
from layers.registry.registry import Manifest
from tests.e2e.conftest import make_workspace
from tests.e2e.faultproxy import Proxy, proxying
from tests.e2e.faults import Answer
from tests.e2e.lab import Lab, Run, Workspace
from tests.e2e.test_assemble import NOWHERE, STEPS, keeping, largely

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def proxy(lab: Lab) -> Iterator[Proxy]:
    """A proxy before the lab's registry."""
    with proxying(lab.registry) as found:
        yield found


@pytest.fixture(scope="module")
def trunked(
    lab: Lab, upstream: str, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """An application whose trunk its build left in the registry."""
    root, name = tmp_path_factory.mktemp("trunked") / "repo", f"t{uuid.uuid4().hex[:8]}"
    found = make_workspace(lab, upstream, root, name)
    toml = found.read("images.toml").replace('push_stages = ["deps"]\n', "assemble = true\n")
    found.write({"images.toml": toml, "app/Dockerfile": STEPS.replace("NAME", name)})
    found.environment["LAYERS_REGISTRY"] = proxy.host
    found.doit("base", "app")
    return found


@pytest.fixture
def cold(
    trunked: Workspace, proxy: Proxy, clone: Callable[[Workspace], Workspace]
) -> Iterator[Workspace]:
    """A machine that has nothing, with an edit of its own."""
    found = clone(trunked)
    found.edit("app/app.py", "1", uuid.uuid4().hex)
    yield found
    proxy.heal()


def trunk(workspace: Workspace) -> tuple[HttpRegistry, str, str, Manifest | None]:
    """The registry, the application's repository, the trunk's key and what is under it."""
    registry = HttpRegistry(NoCredentials(), lambda _host: False)
    repository = f"{workspace.lab.registry}/{workspace.name}/app"
    inputs = Project(str(workspace.root)).inputs
    app = Layer("app")
    key = str(trunk_of(inputs, app, tail_of(inputs, app)).manifest.key())
    return registry, repository, key, registry.manifest(repository, key)


def assembles(workspace: Workspace, status: int = 0) -> Run:
    return workspace.doit("publish", "--json", "app", status=status, DOCKER_HOST=NOWHERE)


def how(run: Run) -> str:
    return str(json.loads(run.out)["images"][0]["how"])


def test_a_listing_that_is_damaged_or_another_s_is_made_anew(cold: Workspace, lab: Lab) -> None:
    """Once: the next finds one that is right beside it."""
    registry, repository, _key, there = trunk(cold)
    assert there is not None
    empty = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": []}
    tag = fallback_tag(there.digest)
    registry.put_manifest(repository, tag, json.dumps(empty).encode(), INDEX_TYPE)
    for data in (b"damaged", Listing().to_bytes("sha256:" + "9" * 64)):
        kind = referrers.LISTING
        referrers.attach(registry, repository, there.digest, kind, data, {}, beside=True)
    run = assembles(cold)
    assert how(run) == "assembled"
    assert run.text.count("was not used: ") == 2
    *_useless, data = referrers.fetch(registry, repository, there.digest, referrers.LISTING)
    assert Listing.from_bytes(data, there.digest.text).get("srv/app/data") is not None


def test_a_record_of_a_layer_that_is_damaged_or_was_not_stored_is_made_anew(
    workspace: Workspace, upstream: str, proxy: Proxy
) -> None:
    """By the next that reads the layer."""
    workspace.environment["LAYERS_REGISTRY"] = proxy.host
    proxy.breaks("PUT", "/base/manifests/layer-", Answer(403))
    at, large = largely(workspace, upstream)
    proxy.heal()
    registry = HttpRegistry(NoCredentials(), lambda _host: False)
    shelf, layer = Shelf(at), Digest(large)
    assert which(registry, (shelf,), (layer,)) == {}
    store(registry, shelf, layer, b"damaged")
    workspace.edit("base/Dockerfile", "first", "second")
    run = workspace.doit("base")
    assert f"/base@{layer} was not used: not a record" in run.text
    (kept,) = which(registry, (shelf,), (layer,)).values()
    assert members(fetch(registry, kept) or b"", layer.text)


def test_a_trunk_that_was_pushed_over_is_an_error(cold: Workspace, trunked: Workspace) -> None:
    registry, repository, key, there = trunk(cold)
    whole = registry.manifest(repository, trunked.doit("keys", "app").out.split()[0])
    assert there is not None
    assert whole is not None
    registry.put_manifest(repository, key, whole.raw, MANIFEST_TYPE)
    try:
        run = assembles(cold, status=1)
    finally:
        registry.put_manifest(repository, key, there.raw, MANIFEST_TYPE)
    assert "was made from" in run.text
    assert "delete that tag in the registry" in run.text
    assert how(assembles(cold)) == "assembled"


def test_a_trunk_that_is_cut_off_is_left_by_the_next_build(cold: Workspace, proxy: Proxy) -> None:
    """The image is true without it."""
    cold.edit("app/requirements.txt", "flask", "django")
    key = trunk(cold)[2]
    proxy.breaks("PUT", f"/app/manifests/{key}", Answer(500))
    run = cold.doit("app")
    assert "the next edit waits for the base" in run.text
    assert trunk(cold)[3] is None
    proxy.heal()
    cold.edit("app/app.py", "(", "(0+")
    cold.doit("app")
    assert trunk(cold)[3] is not None


def test_a_registry_that_takes_nothing_leaves_the_image_in_the_engine(
    cold: Workspace, proxy: Proxy, lab: Lab
) -> None:
    """An edit does not wait for it; what is owed goes with the next run."""
    cold.doit("app")  # the engine has what the next edit stands on, as the registry has it
    cold.edit("app/app.py", "(", "(0+")
    proxy.breaks("POST", "/app/blobs/uploads/", Answer(403))
    run = cold.doit("app")
    assert "not pushed, the next run tries again" in run.text
    assert "assembled in" in run.text
    assert cold.states()["app"] == "fresh"
    shown = lab.docker("run", "--rm", "--user=0", f"{cold.tag('app')}:latest")
    assert shown == cold.read("app/app.py").strip()
    proxy.heal()
    assert "pushed" in cold.doit("app").text
    assert how(assembles(cold)) == "there"


def test_a_trunk_that_lost_a_layer_is_not_there_and_is_left_anew(cold: Workspace, lab: Lab) -> None:
    registry, repository, _key, there = trunk(cold)
    assert there is not None
    lost = there.content["layers"][-1]["digest"]
    url = f"http://{lab.registry}/v2/{cold.name}/app/blobs/{lost}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30).close()
    assert "not assembled: its steps up to RUN in line 5" in cold.reasons("app")
    cold.doit("app")
    after = trunk(cold)[3]
    assert after is not None
    assert registry.missing(repository, after) == ()
    cold.edit("app/app.py", "(", "(0+")
    assert how(assembles(cold)) == "assembled"


def test_a_stage_that_lost_a_layer_is_not_taken_from(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """What an edit of a kept stage stands on counts as absent; a build makes it true again."""
    edited = keeping(workspace, clone)
    inputs, build = Project(str(edited.root)).inputs, Layer("app", "build")
    key = str(trunk_of(inputs, build, tail_of(inputs, build)).manifest.key())
    registry, repository, _key, _there = trunk(edited)
    there = registry.manifest(repository, key)
    assert there is not None
    lost = there.content["layers"][-1]["digest"]
    url = f"http://{lab.registry}/v2/{edited.name}/app/blobs/{lost}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=30).close()
    assert "not assembled: COPY --from=build in line" in edited.reasons("app")
    assert edited.states()["app"] == "build"
    edited.doit("app")
    edited.edit("app/app.py", "(", "(0+")
    assert how(assembles(edited)) == "assembled"
