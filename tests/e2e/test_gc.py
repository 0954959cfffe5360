"""`doit gc` on the real engine and the real registry: what goes is gone, what stays works."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from layers.oci.credentials import NoCredentials
from layers.oci.digest import Digest
from layers.registry.client import HttpRegistry
from layers.registry.layer_records import Shelf
from layers.setup.private.paths import Places
from layers.setup.private.registry_gc import collect
from tests.e2e.conftest import LAB, SMALL_STACK, make_workspace
from tests.e2e.lab import Lab, Workspace
from tests.e2e.test_assemble import largely

pytestmark = pytest.mark.e2e


def git(of: Workspace, *words: str) -> str:
    """Run git in a workspace, as somebody with a name."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(
        ["git", *who, *words], cwd=of.root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def keys(of: Workspace) -> dict[str, str]:
    """Layer → key now."""
    told = json.loads(of.doit("list", "--all", "--json").out)
    return {layer["name"]: layer["key"] for layer in told["layers"]}


def client() -> HttpRegistry:
    """A client of the lab's registry."""
    return HttpRegistry(NoCredentials(), insecure=lambda _host: False)


def remote(of: Workspace, image: str) -> set[str]:
    """Tags of keys in the registry."""
    tags = client().tags(f"{of.lab.registry}/{of.name}/{image}")
    return {tag for tag in tags if tag.startswith("xxh3-")}


def local(of: Workspace, image: str) -> set[str]:
    """Tags in the engine."""
    rows = of.lab.docker("images", "--format", "{{.Tag}}", of.tag(image)).split()
    return {tag for tag in rows if tag.startswith("xxh3-")}


def edited(of: Workspace, versions: int) -> list[str]:
    """Build so many versions of the service; their keys, oldest first."""
    found = []
    for version in range(versions):
        of.write({"app/app.py": f"print('version {version}')\n"})
        of.doit("app")
        found.append(keys(of)["app"])
    return found


def plan(of: Workspace, *words: str) -> Any:
    """``doit gc --json``."""
    return json.loads(of.doit("gc", "--json", *words).out)


def test_only_what_nothing_needs_goes(workspace: Workspace, lab: Lab) -> None:
    """Newest, locked on a branch, in a container, tagged by people: each stays, and works."""
    git(workspace, "init", "--quiet")
    workspace.write({".gitignore": ".layers/\n"})
    versions = edited(workspace, 6)
    git(workspace, "checkout", "--quiet", "-b", "release")
    workspace.write({"images.lock": f'version = 1\n# [base.app] key = "{versions[0]}"\n'})
    git(workspace, "add", "--all")
    git(workspace, "commit", "--quiet", "--message", "release")
    git(workspace, "checkout", "--quiet", "-b", "main")
    git(workspace, "rm", "--quiet", "images.lock")
    git(workspace, "commit", "--quiet", "--message", "main goes on")
    used = f"{workspace.tag('app')}:{versions[1]}"
    container = lab.docker("create", used)
    repository = f"{lab.registry}/{workspace.name}/app"
    found = client().manifest(repository, versions[2])
    assert found is not None
    client().put_manifest(repository, "v1.2", found.raw, found.media_type)
    try:
        dry = workspace.doit("gc", "--dry-run", "--keep", "2")
        assert len(remote(workspace, "app")) == 7, "six versions and the stage"
        wet = workspace.doit("gc", "--keep", "2")
        assert dry.out.splitlines()[:-1] == wet.out.splitlines()[: len(dry.out.splitlines()) - 1]
        stage = keys(workspace)["app:deps"]
        here = {versions[0], versions[1], versions[4], versions[5], stage}
        assert local(workspace, "app") == here
        assert remote(workspace, "app") == here | {versions[2]}
        assert plan(workspace, "--keep", "2")["goes"] == []
        assert workspace.states()["app"] == "fresh"
        lab.empty()
        workspace.write({"app/app.py": "print('version 4')\n"})
        assert workspace.states()["app"] == "pull"
        workspace.doit("app")
        assert lab.docker("run", "--rm", f"{workspace.tag('app')}:latest") == "print('version 4')"
    finally:
        lab.docker("rm", container)


def test_one_side_alone(workspace: Workspace) -> None:
    """And outside of git the newest are all that is known to be needed."""
    versions = edited(workspace, 3)
    run = workspace.doit("gc", "--local", "--keep", "1")
    assert "no git repository" in run.text
    assert versions[0] not in local(workspace, "app")
    assert versions[0] in remote(workspace, "app")
    told = plan(workspace, "--remote", "--keep", "1", "--dry-run")
    assert {each["key"] for each in told["goes"] if each["key"]} == set(versions[:2])
    assert all(each["place"] == "registry" for each in told["goes"])
    assert told["bytes"]["registry"] > 0
    assert versions[0] in remote(workspace, "app")


def test_a_record_goes_when_its_layer_is_gone(workspace: Workspace, upstream: str) -> None:
    """What is in a large layer is known as long as an image has it, and no longer."""
    repository, large = largely(workspace, upstream)
    workspace.edit("base/Dockerfile", "first", "second")
    workspace.doit("base")

    def records() -> set[str]:
        return {tag for tag in client().tags(repository) if tag.startswith("layer-")}

    both = records()
    shared = Shelf(repository).tag(Digest(large))
    plan(workspace, "--remote", "--keep", "1")
    assert len(remote(workspace, "base")) == 1
    assert records() == both >= {shared}
    workspace.edit("base/Dockerfile", "3000000", "3000001")
    workspace.doit("base")
    told = plan(workspace, "--remote", "--keep", "1")
    assert shared in {tag for each in told["goes"] for tag in each["tags"]}
    assert len(records()) == len(both)
    assert shared not in records()


def test_a_pulled_image_goes_with_the_name_it_was_pulled_by(workspace: Workspace, lab: Lab) -> None:
    """The engine keeps ``repository@digest`` beside the key."""
    versions = edited(workspace, 2)
    lab.empty()
    for version in range(2):
        workspace.write({"app/app.py": f"print('version {version}')\n"})
        workspace.doit("app")
    told = plan(workspace, "--local", "--keep", "1")
    (gone,) = [each for each in told["goes"] if each["layer"] == "app"]
    assert (gone["key"], gone["removed"]) == (versions[0], True)
    assert gone["digest"] not in lab.docker("images", "--no-trunc", "--digests")


def test_other_projects_are_left_alone(
    workspace: Workspace, clone: Callable[[Workspace], Workspace]
) -> None:
    """Their images have our labels, and other names."""
    versions = edited(workspace, 2)
    other = clone(workspace)
    for path in ("images.toml", "base/Dockerfile", "app/Dockerfile", "other/Dockerfile"):
        other.write({path: other.read(path).replace(workspace.name, "elsewhere")})
    told = plan(other, "--keep", "1", "--dry-run")
    assert not {each["key"] for each in told["goes"]} & set(versions)


def test_a_project_with_images_of_the_same_names_keeps_them(
    workspace: Workspace, clone: Callable[[Workspace], Workspace], lab: Lab
) -> None:
    """Each knows its own by their label; a second clone of one project shares with the first."""
    mine = edited(workspace, 2)
    other = clone(workspace)
    name = f'name = "{workspace.name}"'
    other.edit("images.toml", name, f'name = "{workspace.name}-twin"')
    other.write({"app/requirements.txt": "twin==1.0\n"})
    theirs = edited(other, 3)
    assert local(workspace, "app") >= {*mine, *theirs}
    label = '{{index .Config.Labels "io.doit-layers.project"}}'
    for project, key in ((workspace.name, mine[0]), (f"{workspace.name}-twin", theirs[0])):
        image = f"{workspace.tag('app')}:{key}"
        assert lab.docker("image", "inspect", "--format", label, image) == project
    told = plan(clone(workspace), "--local", "--keep", "1")
    gone = {each["key"] for each in told["goes"] if each["layer"] == "app"}
    assert gone == {mine[0]}
    assert local(workspace, "app") >= {mine[1], *theirs}
    assert mine[0] not in local(workspace, "app")
    told = plan(other, "--local", "--keep", "1")
    assert {each["key"] for each in told["goes"] if each["layer"] == "app"} == {*theirs[:2]}
    assert local(workspace, "app") >= {mine[1], theirs[2]}


def test_a_shallow_clone_does_not_touch_the_registry(
    workspace: Workspace, clone: Callable[[Workspace], Workspace]
) -> None:
    """It cannot know what other branches need."""
    git(workspace, "init", "--quiet")
    workspace.write({".gitignore": ".layers/\n"})
    for message in ("one", "two"):
        git(workspace, "add", "--all")
        git(workspace, "commit", "--quiet", "--allow-empty", "--message", message)
    other = clone(workspace)
    subprocess.run(["rm", "-rf", str(other.root)], check=True)
    url = f"file://{workspace.root}"
    subprocess.run(["git", "clone", "-q", "--depth=1", url, str(other.root)], check=True)
    run = other.doit("gc", status=1)
    assert "shallow" in run.text
    assert "--unshallow" in run.text
    other.doit("gc", "--local")


def test_what_was_deleted_is_freed_on_the_private_registrys_disk(
    workspace: Workspace, lab: Lab
) -> None:
    """What stays is whole afterwards."""
    edited(workspace, 2)
    repository = f"{lab.registry}/{workspace.name}/app"
    before = {tag: client().manifest(repository, tag) for tag in client().tags(repository)}
    plan(workspace, "--remote", "--keep", "1")
    freed = collect(Places.of(str(LAB)))
    assert freed > 0
    after = set(client().tags(repository))
    assert after < set(before)
    for tag in after:
        found = before[tag]
        assert found is not None
        assert client().missing(repository, found) == ()
    (old,) = (tag for tag in set(before) - after if tag.startswith("xxh3-"))
    gone = before[old]
    assert gone is not None
    top = Digest.parse(gone.content["layers"][-1]["digest"])
    assert top in client().missing(repository, gone)


def test_the_private_registry_is_emptied_by_the_command(lab: Lab, upstream: str) -> None:
    """It is stopped for that, and answers again before the command ends."""
    here = make_workspace(lab, upstream, LAB, f"t{uuid.uuid4().hex[:8]}")
    here.environment["LAYERS_REGISTRY"] = "engine"
    try:
        versions = edited(here, 3)
        dry = here.doit("gc", "--dry-run", "--keep", "1")
        print(f"{dry.seconds:.2f} s\n{dry.text}")
        run = here.doit("gc", "--keep", "1")
        print(f"{run.seconds:.2f} s\n{run.text}")
        assert "the registry freed" in run.text
        assert not set(versions[:2]) & remote(here, "app")
        lab.empty()
        assert here.states()["app"] == "pull"
        here.doit("app")
        again = here.doit("gc", "--keep", "1")
        assert "nothing to remove" in again.text
    finally:
        for path in SMALL_STACK:
            (LAB / path).unlink(missing_ok=True)
        for folder in ("app", "base", "other", "__pycache__"):
            shutil.rmtree(LAB / folder, ignore_errors=True)
