"""``doit publish`` on the real engine and registry, judged by the registry's access log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from layers.oci.credentials import NoCredentials
from layers.registry.client import HttpRegistry
from tests.e2e.lab import Lab, Workspace

pytestmark = pytest.mark.e2e


def publish(workspace: Workspace, *words: str, **more: Any) -> Any:
    """What ``doit publish --json`` tells."""
    return json.loads(workspace.doit("publish", "--json", *words, **more).out)


def how(told: Any) -> dict[str, str]:
    return {image["name"]: image["how"] for image in told["images"]}


def test_publishing_twice_moves_nothing_the_second_time(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """A cold runner where nothing changed: no layer comes, no byte goes, no engine is asked."""
    first = publish(workspace)
    assert how(first) == {"base": "built and pushed", "app": "built and pushed"}
    lab.empty()
    cold = clone(workspace)
    before = len(lab.requests())
    told = publish(cold, DOCKER_HOST="unix:///nowhere/docker.sock")
    assert how(told) == {"base": "there", "app": "there"}
    assert [i["digest"] for i in told["images"]] == [i["digest"] for i in first["images"]]
    asked = lab.requests()[before:]
    assert asked
    assert [line for line in asked if line.split()[0] in ("POST", "PUT", "PATCH", "DELETE")] == []
    assert [line for line in asked if line.startswith("GET") and "/blobs/" in line] == []
    assert lab.docker("images", "--all", "--quiet") == ""

    publish(cold)
    assert lab.docker("images", "--all", "--quiet") == ""


def test_a_set_of_images_gets_its_tags_and_keeps_them(workspace: Workspace, lab: Lab) -> None:
    """Two images, two tags: each tag points at its image's digest; again, nothing is put."""
    told = publish(workspace, "base", "app", "--tag", "v1.2", "-t", "latest")
    digests = {image["name"]: image["digest"] for image in told["images"]}
    for name in ("base", "app"):
        for tag in ("v1.2", "latest"):
            repository = f"{lab.registry}/{workspace.name}/{name}"
            assert lab.digest(repository, tag) == digests[name]
    assert [(each["before"], each["moved"]) for each in told["tags"]] == [(None, True)] * 4
    before = len(lab.requests())
    told = publish(workspace, "base", "app", "--tag", "v1.2", "-t", "latest")
    assert [each["moved"] for each in told["tags"]] == [False] * 4
    assert not [line for line in lab.requests()[before:] if line.startswith("PUT")]

    workspace.edit("app/app.py", "1", "2")
    text = workspace.doit("publish", "--tag", "latest").out
    assert f"{workspace.name}/app:latest -> sha256:" in text
    assert f"was {digests['app']}" in text
    assert f"{workspace.name}/base:latest -> {digests['base']}, as it was" in text


def test_a_tag_brings_labels_along_without_a_build(workspace: Workspace, lab: Lab) -> None:
    """The engine reads them in what the tag points at; the key and its image stay as they were."""
    late = "ARG REVISION=dev\nLABEL revision=r$REVISION\n"
    workspace.write({"base/Dockerfile": workspace.read("base/Dockerfile") + late})
    told = publish(workspace, "base")
    lines = '[images.base]\nlabels.run = "{env.RUN}"\nargs.REVISION = "{env.RUN}"'
    workspace.edit("images.toml", "[images.base]", lines)
    again = publish(workspace, "base", "--tag", "v1", RUN="17")
    assert again["images"][0]["digest"] == told["images"][0]["digest"]
    assert how(again) == {"base": "there"}
    name = f"{lab.registry}/{workspace.name}/base:v1"
    lab.docker("pull", name)
    form = '{{ index .Config.Labels "run" }} {{ .Config.Labels.revision }}'
    assert lab.docker("image", "inspect", "--format", form, name) == "17 r17"
    assert lab.docker("image", "inspect", "--format", form, f"{workspace.name}-base") == "rdev"
    run = workspace.doit("publish", "base", "--tag", "v1", status=1)
    assert "images.toml:7: base: labels.run: RUN is not set here" in run.text
    assert publish(workspace, "base", "--tag", "v1", RUN="17")["tags"][0]["moved"] is False


def test_one_repository_holds_all_images(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Keys and tags begin with their image; what is old of one goes, and leaves the other alone."""
    template = f'repository = "{workspace.name}-all:{{image}}.{{tag}}"'
    workspace.edit("images.toml", "[project]", f"[project]\n{template}")
    repository = f"{lab.registry}/{workspace.name}-all"
    registry = HttpRegistry(NoCredentials(), lambda _host: False)

    def version(number: int, *words: str) -> dict[str, str]:
        workspace.write({"app/app.py": f"print({number})\n"})
        told = publish(workspace, "base", "app", *words)
        assert {each["repository"] for each in told["images"]} == {repository}
        return {each["name"]: f"{each['name']}.{each['key']}" for each in told["images"]}

    first, second, third = version(1, "--tag", "v1"), version(2), version(3)
    keys = {first["base"], first["app"], second["app"], third["app"]}

    def tags() -> set[str]:
        """But for records that a registry without referrers lists under a digest."""
        return {each for each in registry.tags(repository) if not each.startswith("sha256-")}

    (stage,) = tags() - keys - {"base.v1", "app.v1"}
    assert stage.startswith("app.xxh3-")
    workspace.doit("gc", "--remote", "--keep", "1")
    assert tags() == {*keys, "base.v1", "app.v1", stage} - {second["app"]}
    lab.empty()
    cold = clone(workspace)
    assert cold.states()["app"] == "pull"
    cold.doit("app")
    assert cold.ran() == {}
    assert "app/app.py changed" in cold.doit("why", "app", "v1").out


def test_what_the_engine_has_is_pushed_without_a_build(workspace: Workspace, lab: Lab) -> None:
    """Made while no registry was up; a registry that is down is an error here."""
    workspace.doit(LAYERS_REGISTRY="127.0.0.1:1")
    run = workspace.doit("publish", status=1, LAYERS_REGISTRY="127.0.0.1:1")
    assert "127.0.0.1:1" in run.err
    assert set(how(publish(workspace)).values()) == {"pushed"}
    assert workspace.ran() == {}


def test_a_failed_build_moves_no_tag(workspace: Workspace, lab: Lab) -> None:
    """All images first: one that fails keeps the others' tags where they were."""
    told = publish(workspace, "--tag", "latest")
    digests = {image["name"]: image["digest"] for image in told["images"]}
    workspace.edit("base/base.txt", "1", "2")
    workspace.edit("app/Dockerfile", "RUN cp /src/app.py /built", "RUN exit 7")
    run = workspace.doit("publish", "--tag", "latest", status=1)
    assert "no tag was moved" in run.err
    for name, digest in digests.items():
        assert lab.digest(f"{lab.registry}/{workspace.name}/{name}", "latest") == digest


def test_two_machines_with_one_key_end_with_one_digest(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Each built its own; the second to publish adopts the first one's image."""
    workspace.doit("base", LAYERS_REGISTRY="127.0.0.1:1")
    mine = workspace.image("base")
    lab.empty()
    second = clone(workspace)
    second.doit("base", LAYERS_REGISTRY="127.0.0.1:1")
    theirs = second.image("base")
    assert theirs != mine
    told = publish(second, "base")
    digest = told["images"][0]["digest"]
    assert lab.identity(f"{lab.registry}/{workspace.name}/base", digest) == theirs
    shutil.rmtree(workspace.root / ".layers")
    assert publish(workspace, "base")["images"][0] | {"seconds": 0} == told["images"][0] | {
        "seconds": 0,
        "how": "there",
    }
